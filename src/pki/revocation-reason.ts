import type { RevocationReason } from '#libs/pki';

/**
 * The reasons of RFC 5280, section 5.3.1, that people may give for revoking an end entity's certificate. Left out are
 * those about CAs, and `certificateHold` with its undoing: here a revocation is for good.
 */
export const END_ENTITY_REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const satisfies readonly RevocationReason[];

export type EndEntityReason = (typeof END_ENTITY_REASONS)[number];
