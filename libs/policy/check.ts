import { subject as asSubject } from '@casl/ability';
import { rulesToCondition } from '@casl/ability/extra';
import type { Action, Subject } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import type { Ability, Owned } from './ability.js';

/**
 * @param object what it is to be done to; without it, whether it may be done to any object at all
 * @throws DomainError `forbidden`
 */
export function authorize(ability: Ability, action: Action, subject: Subject, object?: Owned): void {
  const target = object === undefined ? subject : asSubject(subject, { tenantId: object.tenantId });
  if (!ability.can(action, target as never)) {
    throw new DomainError('forbidden', `Your role does not allow you to ${action} ${SPOKEN[subject]}.`, {
      context: { action, subject },
    });
  }
}

type Condition = Record<string, unknown>;

/**
 * The condition that a list must carry so that it shows exactly the objects that `authorize` would allow.
 * @throws DomainError `forbidden` when there can be none
 */
export function listCondition(ability: Ability, action: Action, subject: Subject): Condition {
  const condition = rulesToCondition<Ability, Condition, Condition>(
    ability.rulesFor(action, subject),
    (rule) => (rule.inverted ? { $not: rule.conditions } : (rule.conditions ?? {})) as Condition,
    { and: (all) => ({ $and: all }), or: (any) => ({ $or: any }), empty: () => ({}) },
  );
  if (condition === null) authorize(ability, action, subject);
  return condition ?? {};
}

const SPOKEN: Record<Subject, string> = {
  Tenant: 'tenants',
  EdgeSite: 'edge sites',
  NatsLeafServer: 'leaf servers',
  Bundle: 'bundles',
  DownloadToken: 'download tokens',
  CollectorPackage: 'collector packages',
  OnboardingPackage: 'onboarding packages',
  NatsAccount: 'the NATS account',
  NatsCredential: 'NATS credentials',
  NatsOperator: 'the NATS operator',
  StreamSubjects: 'the subjects of streams',
  TenantCa: 'certificate authorities',
  Certificate: 'certificates',
  ApiKey: 'API keys',
  AuditEvent: 'audit events',
};
