import { AbilityBuilder, createMongoAbility, type MongoAbility } from '@casl/ability';
import type { Action, Role, Subject } from '#libs/contracts';
import { IN_TENANT, OF_PLATFORM } from './grants.js';
import { isNarrowed, type Labels, labelTexts, leaves, type Narrowing } from './narrowing.js';

/** Who asks, as far as access rules care. `tenantId` is the tenant acted in: a platform admin's is the one it named, or null. */
export interface Subjectable extends Narrowing {
  role: Role;
  tenantId: string | null;
}

/** An object that rules are checked against: its tenant decides, and for keys for some sites the labels of its site. */
export interface Owned {
  tenantId: string | null;
  /** Of the site that it is, or that it belongs to. A key for some sites does not get what has none. */
  siteLabels?: Labels | null;
}

/** An object as rules see it, with its labels as `labelTexts`. */
export interface Matched {
  tenantId: string | null;
  siteLabels: string[];
}

/** What the rules of one principal say of an object. */
export interface RuleConditions {
  tenantId: string | null;
  siteLabels?: { $all: string[] };
}

export type Ability = MongoAbility<[Action | 'manage', Subject | 'all' | (Matched & { __caslSubjectType__: Subject })]>;

/** The rules of a principal. The same rules answer for one object and give the condition of a list. */
export function abilityFor({ role, tenantId, scopes = [], siteLabels = {} }: Subjectable): Ability {
  const { can, build } = new AbilityBuilder<Ability>(createMongoAbility);
  const isForSites = isNarrowed(siteLabels);
  // Rules are made for each request: most callers are not narrowed.
  const isWhole = scopes.length === 0 && !isForSites;
  const grant = (action: Action, subjects: Subject[], conditions?: RuleConditions) => {
    const left = isWhole ? subjects : subjects.filter((subject) => leaves({ scopes, siteLabels }, action, subject));
    if (left.length > 0) can(action, left, conditions as never);
  };
  if (role === 'platform_admin') {
    for (const [action, subjects] of OF_PLATFORM) grant(action, subjects);
  }
  // A platform admin who names no tenant acts on what belongs to no tenant: platform keys and their audit rows.
  const owned: RuleConditions = isForSites ? { tenantId, siteLabels: { $all: labelTexts(siteLabels) } } : { tenantId };
  for (const [action, subjects] of IN_TENANT[role]) grant(action, subjects, owned);
  return build();
}
