import { subject as asSubject } from '@casl/ability';
import { rulesToCondition } from '@casl/ability/extra';
import type { Action, Subject } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import type { Ability, Matched, Owned, RuleConditions } from './ability.js';
import { isNarrowed, type Labels, labelsOfTexts, labelTexts, type Narrowing } from './narrowing.js';

/**
 * @param object what it is to be done to; without it, whether it may be done to any object at all
 * @param narrowing of whoever asks, to be named when it is refused
 * @throws DomainError `forbidden`
 */
export function authorize(ability: Ability, action: Action, subject: Subject, object?: Owned, narrowing: Narrowing = {}): void {
  if (!may(ability, action, subject, object)) {
    throw new DomainError('forbidden', `Your role${spokenOf(narrowing)} does not allow you to ${action} ${SPOKEN[subject]}.`, {
      context: { action, subject },
    });
  }
}

/** As `authorize`, for whoever asks of many. */
export function may(ability: Ability, action: Action, subject: Subject, object?: Owned): boolean {
  const target = object === undefined ? subject : asSubject(subject, matched(object));
  return ability.can(action, target as never);
}

const matched = ({ tenantId, siteLabels }: Owned): Matched => ({ tenantId, siteLabels: siteLabels ? labelTexts(siteLabels) : [] });

type Condition = Record<string, unknown>;

/**
 * The condition that a list must carry so that it shows exactly the objects that `authorize` would allow.
 * @param ofSitesWith how a query tells that the site of what it finds has labels
 * @throws DomainError `forbidden` when there can be none
 */
export function listCondition(ability: Ability, action: Action, subject: Subject, ofSitesWith: (labels: Labels) => Condition = noSuchColumn): Condition {
  const condition = rulesToCondition<Ability, Condition, Condition>(
    ability.rulesFor(action, subject),
    (rule) => {
      const { siteLabels, ...rest } = (rule.conditions ?? {}) as Partial<RuleConditions>;
      const own = siteLabels === undefined ? rest : { ...rest, ...ofSitesWith(labelsOfTexts(siteLabels.$all)) };
      return rule.inverted ? { $not: own } : own;
    },
    { and: (all) => ({ $and: all }), or: (any) => ({ $or: any }), empty: () => ({}) },
  );
  if (condition === null) authorize(ability, action, subject);
  return condition ?? {};
}

/** The query fails, and shows nothing. */
const noSuchColumn = (siteLabels: Labels): Condition => ({ siteLabels });

function spokenOf({ scopes = [], siteLabels = {} }: Narrowing): string {
  const parts = [
    ...(scopes.length > 0 ? [`with the scopes ${scopes.join(', ')}`] : []),
    ...(isNarrowed(siteLabels) ? [`at sites with the labels ${labelTexts(siteLabels).join(', ')}`] : []),
  ];
  return parts.length === 0 ? '' : `, ${parts.join(' and ')},`;
}

const SPOKEN: Record<Subject, string> = {
  Tenant: 'tenants',
  EdgeSite: 'edge sites',
  NatsLeafServer: 'leaf servers',
  Bundle: 'bundles',
  DownloadToken: 'download tokens',
  CollectorPackage: 'collector packages',
  OnboardingPackage: 'onboarding packages',
  Check: 'checks',
  Agent: 'agents',
  NatsAccount: 'the NATS account',
  NatsCredential: 'NATS credentials',
  NatsOperator: 'the NATS operator',
  StreamSubjects: 'the subjects of streams',
  TenantCa: 'certificate authorities',
  Certificate: 'certificates',
  AlertRule: 'alert rules',
  Alert: 'alerts',
  AlertSilence: 'silences of alerts',
  AlertChannel: 'alert channels',
  ApiKey: 'API keys',
  AuditEvent: 'audit events',
};
