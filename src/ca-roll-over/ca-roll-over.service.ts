import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import { Tenant, TenantCa } from '#libs/model';
import { parseCertificate } from '#libs/pki';
import { AuthorityService, crlUrlOf, TenantCas } from '../pki/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { PublicUrl } from '../platform/public-url.js';
import { sitesWithout, type WaitingSite } from './leaves-and-cas.js';
import { rollOverStep, type RollOverStep } from './roll-over-step.js';

/** A CA of a tenant, and what its roll-over waits for. */
export interface CaView {
  ca: TenantCa;
  liveCertificates: number;
  /** Sites that do not trust it yet; none of a CA that is not the next one. */
  waitingSites: WaitingSite[];
  crlUrl: string;
}

/** How many sites an error names. */
const NAMED_SITES = 20;

/** How the CA of a tenant is replaced by its next one, while both are trusted. Leaves get new files for it by the sweep. */
@Injectable()
export class CaRollOver {
  constructor(
    private readonly database: Database,
    private readonly authorities: AuthorityService,
    private readonly cas: TenantCas,
    private readonly publicUrl: PublicUrl,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async list(caller: Caller, query: PageQuery): Promise<Page<CaView>> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const where = { $and: [caller.readable('TenantCa'), after(query)] } as Where<TenantCa>;
      const page = pageOf(await em.find(TenantCa, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 }), query.limit);
      return { ...page, data: await this.view(em, page.data) };
    });
  }

  /** @throws DomainError `not_found` */
  async get(caller: Caller, id: string): Promise<CaView> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const [view] = await this.view(em, [await this.load(em, caller, id, 'read')]);
      return view!;
    });
  }

  /**
   * Makes the next CA. From now on all that is handed out trusts it as well; nothing is signed by it yet.
   * @throws DomainError `forbidden`; `conflict` when there is one already; `issuer_expired`
   */
  async begin(caller: Caller): Promise<CaView> {
    return this.change(caller, async (em) => {
      caller.authorize('update', 'TenantCa', { tenantId: caller.tenantId });
      return this.doBegin(em, caller);
    });
  }

  /**
   * Lets the next CA sign from now on.
   * @param force whatever sites have installed: their leaves refuse collectors with certificates of the next CA until they install newer files
   * @throws DomainError `not_found`, `forbidden`; `illegal_transition` when it is not the next CA; `ca_not_trusted_everywhere`
   */
  async activate(caller: Caller, id: string, force: boolean): Promise<CaView> {
    return this.change(caller, async (em) => {
      const next = await this.load(em, caller, id, 'update');
      caller.authorize('update', 'TenantCa', next);
      next.checkPossible('ACTIVATE');
      const waiting = await sitesWithout(em, next.tenantId, id);
      if (waiting.length > 0 && !force) throw notTrusted(waiting);
      return this.doActivate(em, caller, next, waiting);
    });
  }

  /**
   * Lets a retiring CA go: nothing that is handed out trusts it any more.
   * @throws DomainError `not_found`, `forbidden`; `illegal_transition` when it is not retiring; `conflict` when something that it signed is good
   */
  async retire(caller: Caller, id: string): Promise<CaView> {
    return this.change(caller, async (em) => {
      const retiring = await this.load(em, caller, id, 'update');
      caller.authorize('update', 'TenantCa', retiring);
      return this.doRetire(em, caller, retiring);
    });
  }

  /** Does what is to be done next, if anything is. @returns what it did */
  async step(caller: Caller): Promise<RollOverStep | undefined> {
    return this.locked(caller, async (em) => {
      const { tenantId } = caller;
      const cas = await em.find(TenantCa, { tenantId, status: ['next', 'active', 'retiring'] }, { orderBy: { id: 'asc' } });
      const [active, next] = [cas.find(({ status }) => status === 'active'), cas.find(({ status }) => status === 'next')];
      if (active === undefined) return undefined;
      const retiring = cas.filter(({ status }) => status === 'retiring');
      const waiting = next === undefined ? [] : await sitesWithout(em, tenantId, next.id);
      const live = await this.cas.liveCertificates(em, retiring.map(({ id }) => id));
      const facts = {
        active,
        next: next === undefined ? null : { id: next.id, waitingSites: waiting.length },
        retiring: retiring.map(({ id, notAfter }) => ({ id, notAfter, liveCertificates: live.get(id) ?? 0 })),
        rootNotAfter: parseCertificate(await this.authorities.rootPem()).notAfter,
      };
      const step = rollOverStep(facts, this.clock.now());
      if (step?.kind === 'begin') await this.doBegin(em, caller);
      if (step?.kind === 'activate') await this.doActivate(em, caller, next!, waiting);
      if (step?.kind === 'retire') await this.doRetire(em, caller, retiring.find(({ id }) => id === step.id)!);
      return step;
    });
  }

  private async doBegin(em: Em, caller: Caller): Promise<TenantCa> {
    const next = await this.cas.begin(em, caller.tenantId);
    this.record(em, caller, 'begin', next);
    return next;
  }

  private async doActivate(em: Em, caller: Caller, next: TenantCa, waiting: readonly WaitingSite[]): Promise<TenantCa> {
    await this.cas.activate(em, next);
    this.record(em, caller, 'activate', next, { sites_without: waiting.map(({ slug }) => slug) });
    return next;
  }

  private async doRetire(em: Em, caller: Caller, retiring: TenantCa): Promise<TenantCa> {
    await this.cas.retire(em, retiring);
    this.record(em, caller, 'retire', retiring);
    return retiring;
  }

  private change(caller: Caller, work: (em: Em) => Promise<TenantCa>): Promise<CaView> {
    return this.locked(caller, async (em) => {
      const ca = await work(em);
      await em.flush();
      const [view] = await this.view(em, [ca]);
      return view!;
    });
  }

  /** One change at a time of a tenant's CAs. */
  private locked<T>(caller: Caller, work: (em: Em) => Promise<T>): Promise<T> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      await this.cas.lock(em, caller.tenantId);
      return work(em);
    });
  }

  private async load(em: Em, caller: Caller, id: string, action: 'read' | 'update'): Promise<TenantCa> {
    const ca = await em.findOne(TenantCa, { $and: [{ id }, caller.permitted(action, 'TenantCa')] } as Where<TenantCa>);
    if (ca === null) throw new DomainError('not_found', 'There is no such certificate authority.');
    return ca;
  }

  private async view(em: Em, cas: readonly TenantCa[]): Promise<CaView[]> {
    if (cas[0] === undefined) return [];
    const { slug } = await em.findOneOrFail(Tenant, { id: cas[0].tenantId });
    const live = await this.cas.liveCertificates(em, cas.map(({ id }) => id));
    return Promise.all(
      cas.map(async (ca) => ({
        ca,
        liveCertificates: live.get(ca.id) ?? 0,
        waitingSites: ca.status === 'next' ? await sitesWithout(em, ca.tenantId, ca.id) : [],
        crlUrl: crlUrlOf(this.publicUrl.value, slug, ca),
      })),
    );
  }

  private record(em: Em, caller: Caller, verb: string, { id, serialNumber }: TenantCa, detail = {}): void {
    this.audit.record(em, caller, {
      action: `tenant_ca.${verb}`,
      subjectType: 'tenant_ca',
      subjectId: id,
      detail: { serial_number: serialNumber, ...detail },
    });
  }
}

function notTrusted(waiting: readonly WaitingSite[]): DomainError {
  const named = waiting.slice(0, NAMED_SITES).map(({ slug }) => slug).join(', ');
  const more = waiting.length > NAMED_SITES ? `, and ${waiting.length - NAMED_SITES} more` : '';
  return new DomainError(
    'ca_not_trusted_everywhere',
    `Leaves that run files from before the CA would refuse collectors with its certificates. Install the newest bundle at: ${named}${more}. Or say {"force": true}.`,
  );
}
