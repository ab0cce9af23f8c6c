import { AbilityBuilder, createMongoAbility, type MongoAbility } from '@casl/ability';
import type { Action, Role, Subject } from '#libs/contracts';

/** Who asks, as far as access rules care. `tenantId` is the tenant acted in: a platform admin's is the one it named, or null. */
export interface Subjectable {
  role: Role;
  tenantId: string | null;
}

/** An object that rules are checked against: its tenant decides. */
export interface Owned {
  tenantId: string | null;
}

export type Ability = MongoAbility<[Action | 'manage', Subject | 'all' | (Owned & { __caslSubjectType__: Subject })]>;

const READABLE: Subject[] = ['EdgeSite', 'NatsLeafServer', 'NatsAccount', 'NatsCredential', 'StreamSubjects', 'Certificate', 'TenantCa', 'CollectorPackage', 'OnboardingPackage'];

/** What a role may do in its tenant; each includes what the one before may. */
const GRANTS: Record<'viewer' | 'operator' | 'admin', [Action, Subject[]][]> = {
  viewer: [['read', READABLE]],
  operator: [
    ['download', ['Bundle']],
    ['create', ['DownloadToken', 'NatsCredential']],
    ['revoke', ['NatsCredential']],
    // What a site runs is reported by whoever looks after it.
    ['update', ['NatsLeafServer']],
  ],
  admin: [
    ['create', ['EdgeSite', 'CollectorPackage', 'OnboardingPackage', 'ApiKey']],
    ['update', ['EdgeSite', 'CollectorPackage', 'StreamSubjects', 'TenantCa']],
    ['delete', ['EdgeSite']],
    ['regenerate', ['NatsLeafServer', 'NatsAccount']],
    ['revoke', ['NatsLeafServer', 'NatsAccount', 'Certificate', 'CollectorPackage', 'OnboardingPackage', 'ApiKey']],
    ['read', ['ApiKey', 'AuditEvent']],
  ],
};

const INCLUDES: Record<Role, (keyof typeof GRANTS)[]> = {
  viewer: ['viewer'],
  operator: ['viewer', 'operator'],
  admin: ['viewer', 'operator', 'admin'],
  platform_admin: ['viewer', 'operator', 'admin'],
};

/** The rules of a principal. The same rules answer for one object and give the condition of a list. */
export function abilityFor({ role, tenantId }: Subjectable): Ability {
  const { can, build } = new AbilityBuilder<Ability>(createMongoAbility);
  if (role === 'platform_admin') {
    can('create', 'Tenant');
    can('read', 'Tenant');
    can('read', 'NatsOperator');
    can('update', 'NatsOperator');
  }
  const inTenant = { tenantId };
  // A platform admin who names no tenant acts on what belongs to no tenant: platform keys and their audit rows.
  for (const grant of INCLUDES[role]) {
    for (const [action, subjects] of GRANTS[grant]) can(action, subjects, inTenant as never);
  }
  return build();
}
