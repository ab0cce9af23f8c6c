import type { Action, Role, Subject } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { type Ability, abilityFor, authorize, listCondition, type Labels, may, type Narrowing, type Owned } from '#libs/policy';
import { ofSiteWith, type Scope, siteWith } from '../database/index.js';

export interface Principal extends Narrowing {
  /** As it stands in audit rows: `api_key:<id>`, `user:<sub>`, `system:<part>`. */
  actor: string;
  /** Of the API key; a person's `sub`, which may be any text. */
  id: string | null;
  name: string;
  role: Role;
  /** The tenant acted in; null for a platform admin who named none. */
  tenantId: string | null;
}

/** Where a call came from, for audit rows. */
export interface Origin {
  requestId: string | null;
  sourceAddress: string | null;
}

export const originOf = ({ id, ip }: { id: string; ip: string }): Origin => ({ requestId: id, sourceAddress: ip });

/** The Idempotency-Key that a call came with, claimed: what the call does is noted with it, in the same transaction. */
export interface Claim {
  /** Of the row in `idempotency_keys`. */
  id: string;
  /** The action of the audit row that says that it is done. */
  action: string;
}

/** Who calls, from where, and what they may do. Every service takes it as its first argument. */
export class Caller {
  readonly #ability: Ability;

  constructor(
    readonly principal: Principal,
    readonly origin: Origin,
    readonly claim?: Claim,
  ) {
    this.#ability = abilityFor(principal);
  }

  /** @throws DomainError `forbidden` */
  authorize(action: Action, subject: Subject, object?: Owned): void {
    authorize(this.#ability, action, subject, object, this.principal);
  }

  /** As `authorize`, where what is not allowed is left out. */
  may(action: Action, subject: Subject, object: Owned): boolean {
    return may(this.#ability, action, subject, object);
  }

  /** The condition of a list that shows exactly what may be read one by one. */
  readable(subject: Subject): Record<string, unknown> {
    return this.permitted('read', subject);
  }

  /**
   * The condition of rows that this may be done to: of sites for `EdgeSite`, else of what may belong to a site.
   * @throws DomainError `forbidden` when there can be none
   */
  permitted(action: Action, subject: Subject): Record<string, unknown> {
    return listCondition(this.#ability, action, subject, subject === 'EdgeSite' ? siteWith : ofSiteWith);
  }

  /**
   * The condition of sites to whose leaf, bundles, packages this may be done.
   * @throws DomainError `forbidden` when there can be none
   */
  permittedSites(action: Action, subject: Subject): Record<string, unknown> {
    return listCondition(this.#ability, action, subject, siteWith);
  }

  /** Labels that a site must have for the caller to reach it; none for whoever reaches every site of the tenant. */
  get siteLabels(): Labels {
    return this.principal.siteLabels ?? {};
  }

  /** The same caller, for a deed that is no tenant's, whichever it named. Whoever is a tenant's own stays in it. */
  ofThePlatform(): Caller {
    if (this.principal.role !== 'platform_admin') return this;
    return new Caller({ ...this.principal, tenantId: null }, this.origin, this.claim);
  }

  /** The same caller, for a call that came with an Idempotency-Key. */
  claiming(claim: Claim): Caller {
    return new Caller(this.principal, this.origin, claim);
  }

  /** @throws DomainError `tenant_required` when a platform admin named no tenant */
  get tenantId(): string {
    if (this.principal.tenantId === null) {
      throw new DomainError('tenant_required', 'Say which tenant this is about: put its slug or id in the header X-Tenant.');
    }
    return this.principal.tenantId;
  }

  get tenantScope(): Scope {
    return { tenantId: this.tenantId };
  }

  /** The tenant acted in, or the platform for a platform admin who named none. */
  get scope(): Scope {
    return this.principal.tenantId === null ? 'platform' : { tenantId: this.principal.tenantId };
  }
}

/** Work that nobody asked for over the API: a sweep, the hub's events, the first start. */
export function systemCaller(part: string, tenantId: string | null): Caller {
  const principal: Principal = { actor: `system:${part}`, id: null, name: part, role: 'platform_admin', tenantId };
  return new Caller(principal, { requestId: null, sourceAddress: null });
}
