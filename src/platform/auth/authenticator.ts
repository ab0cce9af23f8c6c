import { Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { DomainError, isId } from '#libs/kernel';
import { ApiKey, Tenant } from '#libs/model';
import { CLOCK } from '../clock.js';
import { Database, PLATFORM } from '../database/index.js';
import { parseApiKey, secretMatches } from './api-key.js';
import type { Principal } from './caller.js';
import { Inject } from '@nestjs/common';

/** `last_used_at` is a hint for people who clean up; a write a minute is enough for that. */
const TOUCH_INTERVAL = 60_000;

/** Tells who shows a credential. */
@Injectable()
export class Authenticator {
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
    const key = await this.findKey(authorization);
    return {
      actor: `api_key:${key.id}`,
      id: key.id,
      name: key.name,
      role: key.role,
      tenantId: tenant === undefined ? (key.tenantId ?? null) : await this.namedTenant(tenant, key.tenantId ?? null),
    };
  }

  private async findKey(authorization: string | undefined): Promise<ApiKey> {
    const shown = parseApiKey(/^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '');
    if (shown === undefined) {
      throw new DomainError('unauthenticated', 'Show an API key: Authorization: Bearer sr_….');
    }
    const em = this.database.em(PLATFORM);
    const key = await em.findOne(ApiKey, { keyId: shown.keyId });
    const now = this.clock.now();
    if (key === null || !secretMatches(shown.secret, key.secretHash) || !key.activeAt(now)) {
      throw new DomainError('unauthenticated', 'This API key is not known, has expired or was revoked.');
    }
    if (now.getTime() - (key.lastUsedAt?.getTime() ?? 0) > TOUCH_INTERVAL) {
      await em.nativeUpdate(ApiKey, { id: key.id }, { lastUsedAt: now });
    }
    return key;
  }

  private async namedTenant(named: string, own: string | null): Promise<string> {
    const tenant = await this.database.em(PLATFORM).findOne(Tenant, isId(named) ? { id: named } : { slug: named });
    if (tenant === null || (own !== null && own !== tenant.id)) {
      throw new DomainError('not_found', 'The tenant named in X-Tenant does not exist.');
    }
    return tenant.id;
  }
}
