import type { Action, Role, Subject } from '#libs/contracts';

/** An action, and what may be done to by it. */
type Grant = readonly [Action, Subject[]];

const READABLE: Subject[] = [
  'EdgeSite',
  'NatsLeafServer',
  'NatsAccount',
  'NatsCredential',
  'StreamSubjects',
  'Certificate',
  'TenantCa',
  'CollectorPackage',
  'OnboardingPackage',
  'Check',
  'Agent',
  'AlertRule',
  'Alert',
  'AlertSilence',
  'AlertChannel',
];

/** What a role may do in its tenant; each includes what the one before may. */
const GRANTS: Record<'viewer' | 'operator' | 'admin', Grant[]> = {
  viewer: [['read', READABLE]],
  operator: [
    ['download', ['Bundle']],
    ['create', ['DownloadToken', 'NatsCredential', 'Check', 'AlertSilence']],
    ['revoke', ['NatsCredential']],
    // What a site runs is reported by whoever looks after it, who decides what is checked there, and sees to its alerts, too.
    ['update', ['NatsLeafServer', 'Check', 'Alert']],
    ['delete', ['Check', 'AlertSilence']],
  ],
  admin: [
    ['create', ['EdgeSite', 'CollectorPackage', 'OnboardingPackage', 'AlertRule', 'AlertChannel', 'ApiKey']],
    ['update', ['EdgeSite', 'CollectorPackage', 'StreamSubjects', 'TenantCa', 'AlertRule', 'AlertChannel']],
    ['delete', ['EdgeSite', 'AlertRule', 'AlertChannel']],
    ['regenerate', ['NatsLeafServer', 'NatsAccount']],
    ['revoke', ['NatsLeafServer', 'NatsAccount', 'Certificate', 'CollectorPackage', 'OnboardingPackage', 'ApiKey']],
    ['read', ['ApiKey', 'AuditEvent']],
  ],
};

/** Each role, and those before it that it includes. */
const INCLUDES: Record<Role, (keyof typeof GRANTS)[]> = {
  viewer: ['viewer'],
  operator: ['viewer', 'operator'],
  admin: ['viewer', 'operator', 'admin'],
  platform_admin: ['viewer', 'operator', 'admin'],
};

const rightsIn = (role: Role) => INCLUDES[role].flatMap((name) => GRANTS[name]);

/** What each role may do in the tenant acted in. */
export const IN_TENANT: Record<Role, readonly Grant[]> = {
  viewer: rightsIn('viewer'),
  operator: rightsIn('operator'),
  admin: rightsIn('admin'),
  platform_admin: rightsIn('platform_admin'),
};

/** What a platform admin may do besides, to what is no tenant's. */
export const OF_PLATFORM: readonly Grant[] = [
  ['create', ['Tenant']],
  ['read', ['Tenant', 'NatsOperator']],
  ['update', ['NatsOperator']],
];

/** Whether such a thing belongs to one site of its tenant. What does not is closed to keys for some sites. */
export const IS_OF_A_SITE: Record<Subject, boolean> = {
  EdgeSite: true,
  NatsLeafServer: true,
  Bundle: true,
  DownloadToken: true,
  CollectorPackage: true,
  OnboardingPackage: true,
  Check: true,
  Agent: true,
  Certificate: true,
  Alert: true,
  Tenant: false,
  NatsAccount: false,
  // Those of leaves and collectors stand beside those of people, and follow what they are made for.
  NatsCredential: false,
  NatsOperator: false,
  StreamSubjects: false,
  TenantCa: false,
  // A rule, a silence and a channel are for sites as they are labelled, whoever may reach them.
  AlertRule: false,
  AlertSilence: false,
  AlertChannel: false,
  ApiKey: false,
  AuditEvent: false,
};
