import { UniqueConstraintViolationException } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, isId, newId, type Random } from '#libs/kernel';
import { Tenant } from '#libs/model';
import { AccountService } from '../nats/index.js';
import { AuthorityService } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { slugOf } from '../platform/validation/index.js';

@Injectable()
export class TenantsService {
  constructor(
    private readonly database: Database,
    private readonly authorities: AuthorityService,
    private readonly accounts: AccountService,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Creates a tenant with its own CA and NATS account: all of them, or none.
   * @throws DomainError `slug_taken`, `validation_failed` when the name holds nothing that a slug can be made of
   */
  async create(caller: Caller, input: { name: string; slug?: string }): Promise<Tenant> {
    const slug = slugOf(input);
    const { tenant, account } = await this.database
      .transaction(PLATFORM, async (em) => {
        const tenant = em.create(Tenant, {
          id: newId(this.clock, this.random),
          slug,
          name: input.name,
          createdAt: this.clock.now(),
        });
        em.persist(tenant);
        await em.flush();
        await this.authorities.createTenantCa(em, tenant);
        const account = await this.accounts.createAccount(em, tenant);
        this.audit.record(em, caller.ofThePlatform(), {
          action: 'tenant.create',
          subjectType: 'tenant',
          subjectId: tenant.id,
          detail: { slug },
        });
        return { tenant, account };
      })
      .catch((error: unknown) => {
        if (error instanceof UniqueConstraintViolationException) throw slugTaken(slug);
        throw error;
      });
    await this.accounts.announce(account);
    return tenant;
  }

  async list(caller: Caller, query: PageQuery): Promise<Page<Tenant>> {
    caller.authorize('read', 'Tenant');
    const rows = await this.database
      .em(caller.ofThePlatform().scope)
      .find(Tenant, { ...after(query) }, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }

  /** @param idOrSlug either */
  async get(caller: Caller, idOrSlug: string): Promise<Tenant> {
    caller.authorize('read', 'Tenant');
    const where = isId(idOrSlug) ? { id: idOrSlug } : { slug: idOrSlug };
    const tenant = await this.database.em(caller.ofThePlatform().scope).findOne(Tenant, where);
    if (tenant === null) throw new DomainError('not_found', 'There is no such tenant.');
    return tenant;
  }
}

const slugTaken = (slug: string) =>
  new DomainError('slug_taken', `A tenant with the slug "${slug}" exists already. Choose another slug.`);
