import { Inject, Injectable } from '@nestjs/common';
import { Batches, type Clock, DomainError, isId, type Outcome } from '#libs/kernel';
import type { Role } from '#libs/contracts';
import { ApiKey, Tenant } from '#libs/model';
import { CLOCK } from '../clock.js';
import { Database, PLATFORM } from '../database/index.js';
import { type ApiKeyParts, parseApiKey, secretMatches } from './api-key.js';
import type { Principal } from './caller.js';

/** `last_used_at` is a hint for people who clean up; a write a minute is enough for that. */
const TOUCH_INTERVAL = 60_000;

/** Keys that one query looks up at most. */
const BATCH = 64;

/** A key that may be used now, if its secret is known. */
interface ActiveKey {
  id: string;
  tenantId: string | null;
  name: string;
  role: Role;
  keyId: string;
  secretHash: string;
  /** Whether `last_used_at` is new enough. */
  touched: boolean;
}

const FIND_ACTIVE = `
  select id, tenant_id as "tenantId", name, role, key_id as "keyId", secret_hash as "secretHash",
         coalesce(last_used_at >= ?, false) as touched
    from api_keys
   where key_id in (?) and revoked_at is null and (expires_at is null or expires_at > ?)`;

/** Tells who shows a credential. */
@Injectable()
export class Authenticator {
  /** Every request asks the database, so that a revoked key stops at once; those that come together ask together. */
  readonly #keys = new Batches<ApiKeyParts, ActiveKey>(BATCH, (_all, shown) => this.findKeys(shown));

  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @param authorization the header's value
   * @param tenant the header `X-Tenant`: slug or id
   * @throws DomainError `unauthenticated`; `not_found` for a tenant that is not there or not the key's own
   */
  async authenticate(authorization: string | undefined, tenant: string | undefined): Promise<Principal> {
    const shown = parseApiKey(/^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '');
    if (shown === undefined) throw new DomainError('unauthenticated', 'Show an API key: Authorization: Bearer sr_….');
    const key = await this.#keys.add('all', shown);
    return {
      actor: `api_key:${key.id}`,
      id: key.id,
      name: key.name,
      role: key.role,
      tenantId: tenant === undefined ? key.tenantId : await this.namedTenant(tenant, key.tenantId),
    };
  }

  private async findKeys(shown: readonly ApiKeyParts[]): Promise<Outcome<ActiveKey>[]> {
    const now = this.clock.now();
    const touchedSince = new Date(now.getTime() - TOUCH_INTERVAL);
    const keyIds = [...new Set(shown.map(({ keyId }) => keyId))];
    const rows = await this.database.statement<ActiveKey>(PLATFORM, FIND_ACTIVE, [touchedSince.toISOString(), keyIds, now.toISOString()]);
    const found = new Map(rows.map((row) => [row.keyId, row]));
    const outcomes = shown.map(({ keyId, secret }): Outcome<ActiveKey> => {
      const key = found.get(keyId);
      return key !== undefined && secretMatches(secret, key.secretHash) ? { result: key } : { error: unknownKey() };
    });
    await this.touch(outcomes, now);
    return outcomes;
  }

  private async touch(outcomes: readonly Outcome<ActiveKey>[], now: Date): Promise<void> {
    const untouched = new Set(outcomes.flatMap((outcome) => ('result' in outcome && !outcome.result.touched ? [outcome.result.id] : [])));
    if (untouched.size > 0) await this.database.em(PLATFORM).nativeUpdate(ApiKey, { id: [...untouched] }, { lastUsedAt: now });
  }

  private async namedTenant(named: string, own: string | null): Promise<string> {
    const tenant = await this.database.em(PLATFORM).findOne(Tenant, isId(named) ? { id: named } : { slug: named });
    if (tenant === null || (own !== null && own !== tenant.id)) {
      throw new DomainError('not_found', 'The tenant named in X-Tenant does not exist.');
    }
    return tenant.id;
  }
}

const unknownKey = () => new DomainError('unauthenticated', 'This API key is not known, has expired or was revoked.');
