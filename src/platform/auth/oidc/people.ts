import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, isId, isSlug } from '#libs/kernel';
import { Tenant } from '#libs/model';
import { CLOCK } from '../../clock.js';
import { Config } from '../../config/index.js';
import { Database, PLATFORM } from '../../database/index.js';
import type { Principal } from '../caller.js';
import { verifyAccessToken } from './access-token.js';
import { IssuerKeys } from './issuer-keys.js';
import { personOf } from './person.js';
import { type KnownTenant, tenantOfPerson } from './tenant-of-person.js';

/** Tells who shows an access token of the configured issuer. */
@Injectable()
export class People {
  readonly #keys: IssuerKeys | undefined;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#keys = config.oidc && new IssuerKeys(config.oidc.issuer, clock);
  }

  /**
   * @param token a JWT, or what looks like one
   * @param tenant the header `X-Tenant`: slug or id
   * @throws DomainError `unauthenticated` for a token that is not good; `forbidden` when its claims give no role or no tenant; `not_found` or
   *   `tenant_required` as for the tenant that is meant; `unavailable` while the issuer's keys are not known
   */
  async authenticate(token: string, tenant: string | undefined): Promise<Principal> {
    const rules = this.config.oidc;
    if (rules === undefined || this.#keys === undefined) {
      throw new DomainError('unauthenticated', 'Access tokens are not taken here, as no issuer is configured. Show an API key: Authorization: Bearer sr_….');
    }
    const claims = await verifyAccessToken(token, this.#keys.find, rules, this.clock.now());
    const person = personOf(claims, rules);
    const known = await this.tenantsNamed([...person.tenants, ...(tenant === undefined ? [] : [tenant])]);
    const { sub, name, role } = person;
    return { actor: `user:${sub}`, id: sub, name, role, tenantId: tenantOfPerson(person, tenant, known) };
  }

  private async tenantsNamed(names: readonly string[]): Promise<KnownTenant[]> {
    if (names.length === 0) return [];
    // Whatever else a claim may hold, PostgreSQL need not take it for a text.
    const where = { $or: [{ id: names.filter(isId) }, { slug: names.filter(isSlug) }] };
    return this.database.em(PLATFORM).find(Tenant, where, { orderBy: { slug: 'asc' } });
  }
}
