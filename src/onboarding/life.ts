/** What audit rows of packages are about. */
export const SUBJECT = 'onboarding_package';

/** The events of a package's life, by the action that the audit trail knows them by. */
export const LIFE: Readonly<Record<string, OnboardingEventName>> = {
  [`${SUBJECT}.create`]: 'issued',
  [`${SUBJECT}.deliver`]: 'delivered',
  [`${SUBJECT}.activate`]: 'activated',
  [`${SUBJECT}.renew`]: 'renewed',
  [`${SUBJECT}.expire`]: 'expired',
  [`${SUBJECT}.revoke`]: 'revoked',
};

export const ONBOARDING_EVENTS = ['issued', 'delivered', 'activated', 'renewed', 'expired', 'revoked'] as const;

export type OnboardingEventName = (typeof ONBOARDING_EVENTS)[number];
