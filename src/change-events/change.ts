import type { Subject } from '#libs/contracts';
import type { HealthState } from '#libs/health';
import type { Position } from './position.js';

/** What is told of, and as what access rules know it. */
export const KINDS = {
  edge_site: 'EdgeSite',
  nats_leaf_server: 'NatsLeafServer',
  collector_package: 'CollectorPackage',
  onboarding_package: 'OnboardingPackage',
  agent: 'Agent',
  alert: 'Alert',
} as const satisfies Record<string, Subject>;

export type Kind = keyof typeof KINDS;

export const CHANGES = ['created', 'changed', 'deleted'] as const;

/** Something that has changed, and how it was when that was read. */
export interface Change {
  position: Position;
  tenantId: string;
  kind: Kind;
  change: (typeof CHANGES)[number];
  subjectId: string;
  edgeSiteId: string | null;
  /** Of a site that was deleted; null of all else. */
  siteLabels: Record<string, string> | null;
  at: Date;
  /** Null of what has none, or is gone. */
  status: string | null;
  /** Of its site; null of what belongs to none, or to one that is gone. */
  health: HealthState | null;
}
