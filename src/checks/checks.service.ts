import { LockMode, UniqueConstraintViolationException } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random } from '#libs/kernel';
import { Check, type SiteCheckType } from '#libs/model';
import { siteOfPackage } from '../edge-sites/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import type { Precondition } from '../platform/conditional/index.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { type CheckTerms, completed, problemsOf } from './check-terms.js';

/** How many a site may have: an agent does them all. */
export const CHECKS_MAX = 100;

export interface NewCheck extends CheckTerms {
  edgeSiteId: string;
}

export type CheckChanges = Partial<Omit<CheckTerms, 'checkType'>>;

export interface CheckFilter {
  edgeSiteId?: string;
  checkType?: SiteCheckType;
}

/** What the agents of sites are to check, as people set it. */
@Injectable()
export class ChecksService {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * @throws DomainError `not_found` for a site that is not there; `validation_failed`; `conflict` for a name that another check of the site
   * has, and when the site has as many as it may
   */
  async create(caller: Caller, { edgeSiteId, ...given }: NewCheck): Promise<Check> {
    const terms = valid(given);
    return this.database
      .transaction(caller.tenantScope, async (em) => {
        await siteOfPackage(em, caller, edgeSiteId, 'Check');
        // One at a time, or two that are the last one each would both fit.
        await em.execute('select pg_advisory_xact_lock(hashtext(?))', [`checks of ${edgeSiteId}`]);
        if ((await em.count(Check, { edgeSiteId })) >= CHECKS_MAX) throw tooMany();
        const now = this.clock.now();
        const id = newId(this.clock, this.random);
        const made = { id, tenantId: caller.tenantId, edgeSiteId, ...terms, settingsVersion: 1, createdAt: now, updatedAt: now };
        const check = Object.assign(new Check(), made);
        em.persist(check);
        this.record(em, caller, 'create', check, { edge_site_id: edgeSiteId, name: check.name, check_type: check.checkType });
        await em.flush();
        return check;
      })
      .catch((error: unknown) => {
        throw explainConflict(error, terms.name);
      });
  }

  async list(caller: Caller, query: PageQuery & CheckFilter): Promise<Page<Check>> {
    const { edgeSiteId, checkType } = query;
    const filter = Object.fromEntries(Object.entries({ edgeSiteId, checkType }).filter(([, value]) => value !== undefined));
    const where = { $and: [caller.readable('Check'), filter, after(query)] } as Where<Check>;
    const rows = await this.database.em(caller.tenantScope).find(Check, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }

  /** @throws DomainError `not_found` */
  get(caller: Caller, id: string): Promise<Check> {
    return load(this.database.em(caller.tenantScope), caller, id, 'read');
  }

  /** @throws DomainError `not_found`, `forbidden`, `stale`, `validation_failed`; `conflict` for a name that another check of the site has */
  update(caller: Caller, id: string, changes: CheckChanges, precondition?: Precondition): Promise<Check> {
    return this.database
      .transaction(caller.tenantScope, async (em) => {
        const check = await load(em, caller, id, 'update', LockMode.PESSIMISTIC_WRITE);
        precondition?.check(check.settingsVersion, 'check');
        Object.assign(check, valid({ ...termsOf(check), ...changes }), { settingsVersion: check.settingsVersion + 1, updatedAt: this.clock.now() });
        this.record(em, caller, 'update', check, { name: check.name, changed: Object.keys(changes) });
        await em.flush();
        return check;
      })
      .catch((error: unknown) => {
        throw explainConflict(error, changes.name ?? '');
      });
  }

  /** @throws DomainError `not_found`, `forbidden`, `stale` */
  async delete(caller: Caller, id: string, precondition?: Precondition): Promise<void> {
    await this.database.transaction(caller.tenantScope, async (em) => {
      const check = await load(em, caller, id, 'delete', LockMode.PESSIMISTIC_WRITE);
      precondition?.check(check.settingsVersion, 'check');
      em.remove(check);
      this.record(em, caller, 'delete', check, { edge_site_id: check.edgeSiteId, name: check.name });
    });
  }

  private record(em: Em, caller: Caller, verb: string, { id }: Check, detail: Record<string, unknown>): void {
    this.audit.record(em, caller, { action: `check.${verb}`, subjectType: 'check', subjectId: id, detail });
  }
}

async function load(em: Em, caller: Caller, id: string, action: 'read' | 'update' | 'delete', lockMode?: LockMode.PESSIMISTIC_WRITE): Promise<Check> {
  const where = { $and: [caller.permitted(action, 'Check'), { id }] } as Where<Check>;
  const check = await em.findOne(Check, where, { lockMode });
  if (check === null) throw new DomainError('not_found', 'There is no such check.');
  return check;
}

const termsOf = ({ name, checkType, enabled, intervalSec, timeoutSec, target, port, path, method, settings, publishResults }: Check): CheckTerms => ({
  name,
  checkType,
  enabled,
  intervalSec,
  timeoutSec,
  target,
  port,
  path,
  method,
  settings,
  publishResults,
});

/** @throws DomainError `validation_failed`, with all that is wrong */
function valid(given: CheckTerms): CheckTerms {
  const terms = completed(given);
  const errors = problemsOf(terms);
  if (errors.length === 0) return terms;
  const message = errors.length === 1 ? 'One field is not valid: see errors.' : `${errors.length} fields are not valid: see errors.`;
  throw new DomainError('validation_failed', message, { errors });
}

const tooMany = () =>
  new DomainError('conflict', `The site has ${CHECKS_MAX} checks, which is as many as a site may have. Delete one that is not needed any more.`);

/** Uniqueness is the database's to decide; here it is put into words. */
function explainConflict(error: unknown, name: string): unknown {
  if (!(error instanceof UniqueConstraintViolationException)) return error;
  return new DomainError('conflict', `The site has a check with the name "${name}" already. Choose another name.`);
}
