/** What can be done; with `SUBJECTS` the vocabulary of every access rule. */
export const ACTIONS = ['create', 'read', 'update', 'delete', 'regenerate', 'download', 'revoke'] as const;

export type Action = (typeof ACTIONS)[number];

/** What it can be done to. */
export const SUBJECTS = [
  'Tenant',
  'EdgeSite',
  'NatsLeafServer',
  'Bundle',
  'DownloadToken',
  'CollectorPackage',
  'OnboardingPackage',
  'Check',
  'Agent',
  'NatsAccount',
  'NatsCredential',
  'NatsOperator',
  'StreamSubjects',
  'Certificate',
  'TenantCa',
  'AlertRule',
  'Alert',
  'AlertSilence',
  'AlertChannel',
  'ApiKey',
  'AuditEvent',
] as const;

export type Subject = (typeof SUBJECTS)[number];

/** What a subject is called in the scopes of API keys: mostly as the paths of the API call it. */
export const SCOPE_NAMES = {
  Tenant: 'tenants',
  EdgeSite: 'edge_sites',
  NatsLeafServer: 'leaf_servers',
  Bundle: 'bundles',
  DownloadToken: 'download_tokens',
  CollectorPackage: 'collectors',
  OnboardingPackage: 'edge_packages',
  Check: 'checks',
  Agent: 'agents',
  NatsAccount: 'nats_account',
  NatsCredential: 'nats_credentials',
  NatsOperator: 'nats_operator',
  StreamSubjects: 'stream_subjects',
  Certificate: 'certificates',
  TenantCa: 'certificate_authorities',
  AlertRule: 'alert_rules',
  Alert: 'alerts',
  AlertSilence: 'alert_silences',
  AlertChannel: 'alert_channels',
  ApiKey: 'api_keys',
  AuditEvent: 'audit_events',
} as const satisfies Record<Subject, string>;

/** What an API key may be narrowed to: one action on one kind of thing, or all that its role may do with it. */
export type KeyScope = `${(typeof SCOPE_NAMES)[Subject]}:${Action | '*'}`;
