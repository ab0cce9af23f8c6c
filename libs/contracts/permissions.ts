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
  'NatsAccount',
  'NatsCredential',
  'NatsOperator',
  'StreamSubjects',
  'Certificate',
  'TenantCa',
  'ApiKey',
  'AuditEvent',
] as const;

export type Subject = (typeof SUBJECTS)[number];
