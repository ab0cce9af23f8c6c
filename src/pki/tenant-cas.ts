import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import { Tenant, TenantCa } from '#libs/model';
import { CLOCK } from '../platform/clock.js';
import type { Em } from '../platform/database/index.js';
import { AuthorityService } from './authority.service.js';

/** How one CA of a tenant follows another. Whether it is time is for others to say. */
@Injectable()
export class TenantCas {
  constructor(
    private readonly authorities: AuthorityService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Lets nobody else change the tenant's CAs until the transaction ends. To be asked for before anything is read. */
  async lock(em: Em, tenantId: string): Promise<void> {
    await em.execute(`select pg_advisory_xact_lock(hashtext('certificate authorities of ' || ?))`, [tenantId]);
  }

  /** @throws DomainError `conflict` when there is a next CA already; `issuer_expired` */
  async begin(em: Em, tenantId: string): Promise<TenantCa> {
    const next = await em.findOne(TenantCa, { tenantId, status: 'next' });
    if (next !== null) {
      throw new DomainError('conflict', `The tenant has a next CA already: ${next.id}. Activate it before another one is made.`);
    }
    return this.authorities.createNextCa(em, await em.findOneOrFail(Tenant, { id: tenantId }));
  }

  /**
   * Lets a CA sign from now on; the one that did is retiring. Waits for those who are putting on record what that one is going to sign.
   * @param next loaded by `em`
   * @throws DomainError `illegal_transition` when it is not the next one
   */
  async activate(em: Em, next: TenantCa): Promise<void> {
    const active = await em.findOne(TenantCa, { tenantId: next.tenantId, status: 'active' }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    next.checkPossible('ACTIVATE');
    active?.apply('RETIRE');
    // No two are active, not for a moment: a unique index sees to it.
    await em.flush();
    next.apply('ACTIVATE');
  }

  /**
   * Lets a CA go that signed nothing that is good still. Its revocation list stays.
   * @param retiring loaded by `em`
   * @throws DomainError `illegal_transition` when it is not retiring; `conflict` when something that it signed is good
   */
  async retire(em: Em, retiring: TenantCa): Promise<void> {
    retiring.apply('EXPIRE');
    const live = (await this.liveCertificates(em, [retiring.id])).get(retiring.id);
    if (live === undefined) return;
    const what = live === 1 ? '1 certificate that it signed is' : `${live} certificates that it signed are`;
    throw new DomainError('conflict', `The CA is still needed: ${what} good. Let them run out, or replace or revoke them first.`);
  }

  /** How many certificates each of the CAs has signed, or is about to, that have not ended; none for those that are not named. */
  async liveCertificates(em: Em, caIds: readonly string[]): Promise<Map<string, number>> {
    if (caIds.length === 0) return new Map();
    const rows = await em.execute<{ issuer_id: string; live: number }[]>(
      `select issuer_id, count(*)::int as live from certificates
        where issuer_id in (?) and status in ('intended', 'issued') and not_after > ? group by issuer_id`,
      [caIds, this.clock.now()],
    );
    return new Map(rows.map(({ issuer_id, live }) => [issuer_id, live]));
  }
}
