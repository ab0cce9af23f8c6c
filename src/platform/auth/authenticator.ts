import { Inject, Injectable } from '@nestjs/common';
import { Batches, type Clock, DomainError, isId, type Outcome } from '#libs/kernel';
import type { Role } from '#libs/contracts';
import { ApiKey, Tenant } from '#libs/model';
import { CLOCK } from '../clock.js';
import { Database, isDatabaseAway, PLATFORM } from '../database/index.js';
import { type ApiKeyParts, parseApiKey, secretMatches } from './api-key.js';
import type { Principal } from './caller.js';
import { looksLikeJwt, People } from './oidc/index.js';

/** `last_used_at` is a hint for people who clean up; a write a minute is enough for that. */
const TOUCH_INTERVAL = 60_000;

/** Keys that one query looks up at most. */
const BATCH = 64;

/** A key as it is on record. */
interface StoredKey {
  id: string;
  tenantId: string | null;
  name: string;
  role: Role;
  scopes: string[];
  siteLabels: Record<string, string>;
  keyId: string;
  secretHash: string;
  /** Whether `last_used_at` is new enough. */
  touched: boolean;
  isRevoked: boolean;
  isExpired: boolean;
}

/** Why somebody who shows a key that is on record does not get in; stands in the audit trail. */
export type KeyRefusal = 'wrong_secret' | 'revoked' | 'expired' | 'foreign_tenant';

/** In the context of an error, when somebody showed a key that is on record. */
export interface RefusedKey {
  apiKeyId: string;
  /** The key's own. */
  tenantId: string | null;
  reason: KeyRefusal;
}

const FIND_KEYS = `
  select id, tenant_id as "tenantId", name, role, scopes, site_labels as "siteLabels", key_id as "keyId", secret_hash as "secretHash",
         coalesce(last_used_at >= ?, false) as touched, revoked_at is not null as "isRevoked", coalesce(expires_at <= ?, false) as "isExpired"
    from api_keys
   where key_id in (?)`;

/** Tells who shows a credential. */
@Injectable()
export class Authenticator {
  /** Every request asks the database, so that a revoked key stops at once; those that come together ask together. */
  readonly #keys = new Batches<ApiKeyParts, StoredKey>(BATCH, (_all, shown) => this.findKeys(shown), isDatabaseAway);

  constructor(
    private readonly database: Database,
    private readonly people: People,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @param authorization the header's value
   * @param tenant the header `X-Tenant`: slug or id
   * @throws DomainError `unauthenticated`; `not_found` for a tenant that is not there or not the key's own; what `People` throws
   */
  async authenticate(authorization: string | undefined, tenant: string | undefined): Promise<Principal> {
    const credential = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
    if (looksLikeJwt(credential)) return this.people.authenticate(credential, tenant);
    const shown = parseApiKey(credential);
    if (shown === undefined) throw new DomainError('unauthenticated', 'Show an API key: Authorization: Bearer sr_….');
    const key = await this.#keys.add('all', shown);
    return {
      actor: `api_key:${key.id}`,
      id: key.id,
      name: key.name,
      role: key.role,
      scopes: key.scopes,
      siteLabels: key.siteLabels,
      tenantId: tenant === undefined ? key.tenantId : await this.namedTenant(tenant, key),
    };
  }

  private async findKeys(shown: readonly ApiKeyParts[]): Promise<Outcome<StoredKey>[]> {
    const now = this.clock.now();
    const touchedSince = new Date(now.getTime() - TOUCH_INTERVAL);
    const keyIds = [...new Set(shown.map(({ keyId }) => keyId))];
    const rows = await this.database.statement<StoredKey>(PLATFORM, FIND_KEYS, [touchedSince.toISOString(), now.toISOString(), keyIds]);
    const found = new Map(rows.map((row) => [row.keyId, row]));
    const outcomes = shown.map(({ keyId, secret }): Outcome<StoredKey> => {
      const key = found.get(keyId);
      const reason = key && refusalOf(key, secret);
      return key !== undefined && reason === undefined ? { result: key } : { error: unknownKey(key, reason) };
    });
    await this.touch(outcomes, now);
    return outcomes;
  }

  private async touch(outcomes: readonly Outcome<StoredKey>[], now: Date): Promise<void> {
    const untouched = new Set(outcomes.flatMap((outcome) => ('result' in outcome && !outcome.result.touched ? [outcome.result.id] : [])));
    if (untouched.size === 0) return;
    try {
      await this.database.em(PLATFORM).nativeUpdate(ApiKey, { id: [...untouched] }, { lastUsedAt: now });
    } catch (error) {
      // Nobody is kept from reading by a database that takes no changes.
      if (!isDatabaseAway(error)) throw error;
    }
  }

  private async namedTenant(named: string, key: StoredKey): Promise<string> {
    const tenant = await this.database.em(PLATFORM).findOne(Tenant, isId(named) ? { id: named } : { slug: named });
    const isForeign = tenant !== null && key.tenantId !== null && key.tenantId !== tenant.id;
    if (tenant === null || isForeign) {
      const context = isForeign ? refusedKey(key, 'foreign_tenant') : {};
      throw new DomainError('not_found', 'The tenant named in X-Tenant does not exist.', { context });
    }
    return tenant.id;
  }
}

function refusalOf({ secretHash, isRevoked, isExpired }: StoredKey, secret: ApiKeyParts['secret']): KeyRefusal | undefined {
  if (!secretMatches(secret, secretHash)) return 'wrong_secret';
  if (isRevoked) return 'revoked';
  return isExpired ? 'expired' : undefined;
}

const refusedKey = ({ id, tenantId }: StoredKey, reason: KeyRefusal) => ({ refusedKey: { apiKeyId: id, tenantId, reason } satisfies RefusedKey });

/** The answer is the same, whatever the reason. */
const unknownKey = (key?: StoredKey, reason?: KeyRefusal) =>
  new DomainError('unauthenticated', 'This API key is not known, has expired or was revoked.', {
    context: key && reason && refusedKey(key, reason),
  });
