import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import type { TenantRole } from '#libs/contracts';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { ApiKey } from '#libs/model';
import { type Excess, excessOf, idleScopes } from '#libs/policy';
import { Audit } from '../platform/audit/index.js';
import { type ApiKeyParts, type Caller, formatApiKey, hashSecret, newApiKey, systemCaller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, PLATFORM, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';

interface NewKey {
  name: string;
  role: TenantRole;
  scopes: string[];
  siteLabels: Record<string, string>;
  expiresAt: Date | null;
}

@Injectable()
export class ApiKeysService {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * @returns the row, and the key to show this once
   * @throws DomainError `forbidden` for a key that may do more than the caller; `validation_failed`
   */
  async create(caller: Caller, input: NewKey): Promise<{ row: ApiKey; key: string }> {
    const excess = excessOf(input, caller.principal);
    if (excess.length > 0) throw beyondCaller(excess);
    const idle = idleScopes(input);
    if (idle.length > 0) throw invalidScopes(input, idle);
    if (input.expiresAt !== null && input.expiresAt <= this.clock.now()) {
      const detail = 'expires_at is in the past.';
      throw new DomainError('validation_failed', detail, { errors: [{ pointer: '/expires_at', code: 'in_past', detail }] });
    }
    const parts = newApiKey(this.random);
    const row = await this.database.transaction(caller.tenantScope, async (em) => {
      const row = this.row(parts, { ...input, tenantId: caller.tenantId, createdBy: caller.principal.actor });
      em.persist(row);
      this.audit.record(em, caller, {
        action: 'api_key.create',
        subjectType: 'api_key',
        subjectId: row.id,
        detail: { name: input.name, role: input.role, scopes: input.scopes, site_labels: input.siteLabels },
      });
      return row;
    });
    return { row, key: formatApiKey(parts) };
  }

  async list(caller: Caller, query: PageQuery): Promise<Page<ApiKey>> {
    const where = { $and: [caller.readable('ApiKey'), after(query)] } as Where<ApiKey>;
    const rows = await this.database
      .em(caller.scope)
      .find(ApiKey, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }

  /** Revoking a key that is revoked already changes nothing. No key revokes itself, so one platform admin is always left. */
  async revoke(caller: Caller, id: string): Promise<void> {
    await this.database.transaction(caller.scope, async (em) => {
      const where = { $and: [caller.permitted('revoke', 'ApiKey'), { id }] } as Where<ApiKey>;
      const key = await em.findOne(ApiKey, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (key === null) throw new DomainError('not_found', 'There is no such API key.');
      caller.authorize('revoke', 'ApiKey', { tenantId: key.tenantId ?? null });
      if (key.revokedAt) return;
      if (caller.principal.actor === `api_key:${key.id}`) throw new DomainError('conflict', 'A key does not revoke itself: use another one.');
      key.revokedAt = this.clock.now();
      this.audit.record(em, caller, { action: 'api_key.revoke', subjectType: 'api_key', subjectId: id });
    });
  }

  /**
   * Sees to it that somebody can call the API at all.
   *
   * @param given a key to take, or undefined to make one
   * @param keep puts a key that was made where people find it, before it is on record: nobody could tell it later
   */
  async ensurePlatformAdmin(given: ApiKeyParts | undefined, keep: (key: string) => void): Promise<void> {
    await this.database.transaction(PLATFORM, async (em) => {
      await em.execute(`select pg_advisory_xact_lock(hashtext('platform admin'))`);
      const existing = given === undefined ? { role: 'platform_admin' as const } : { keyId: given.keyId };
      if ((await em.count(ApiKey, existing)) > 0) return;
      const caller = systemCaller('bootstrap', null);
      const parts = given ?? newApiKey(this.random);
      const row = this.row(parts, {
        name: 'First platform admin',
        role: 'platform_admin',
        scopes: [],
        siteLabels: {},
        tenantId: null,
        expiresAt: null,
        createdBy: caller.principal.actor,
      });
      em.persist(row);
      this.audit.record(em, caller, { action: 'api_key.create', subjectType: 'api_key', subjectId: row.id });
      if (given === undefined) keep(formatApiKey(parts));
    });
  }

  private row(parts: ApiKeyParts, rest: Pick<ApiKey, 'name' | 'role' | 'scopes' | 'siteLabels' | 'tenantId' | 'expiresAt' | 'createdBy'>): ApiKey {
    return Object.assign(new ApiKey(), {
      id: newId(this.clock, this.random),
      keyId: parts.keyId,
      secretHash: hashSecret(parts.secret),
      lastUsedAt: null,
      revokedAt: null,
      createdAt: this.clock.now(),
      ...rest,
    });
  }
}

const EXCESS: Record<Excess, { pointer: string; detail: string }> = {
  role: { pointer: '/role', detail: 'The role is more than that of the key which makes it.' },
  scopes: { pointer: '/scopes', detail: 'The key which makes it has scopes itself: give scopes that are among them.' },
  siteLabels: { pointer: '/site_labels', detail: 'The key which makes it is for some sites only: give all labels that it has itself.' },
};

function beyondCaller(excess: readonly Excess[]): DomainError {
  const errors = excess.map((respect) => ({ ...EXCESS[respect], code: 'beyond_own' }));
  const detail = `A key cannot make one that may do more than itself. ${errors.map((error) => error.detail).join(' ')}`;
  return new DomainError('forbidden', detail, { errors, context: { action: 'create', subject: 'ApiKey' } });
}

function invalidScopes({ role, siteLabels }: NewKey, idle: readonly string[]): DomainError {
  const atSites = Object.keys(siteLabels).length > 0 ? ' at sites' : '';
  const detail = `A key with the role ${role} may do nothing${atSites} by ${idle.join(', ')}. Leave that out, or give it another role.`;
  return new DomainError('validation_failed', detail, { errors: [{ pointer: '/scopes', code: 'without_effect', detail }] });
}
