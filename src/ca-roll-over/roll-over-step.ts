const DAY = 24 * 60 * 60 * 1000;

/** How long certificates are good, in milliseconds: a year, and that may be a leap year. */
const CERTIFICATE_LIFETIME = 366 * DAY;

/** How long sites have, in milliseconds, to install files with the next CA before the active one can sign for a whole year no more. */
const TIME_TO_INSTALL = 90 * DAY;

/** A roll-over begins by itself when the active CA ends within this, in milliseconds: 456 days. */
export const BEGIN_BEFORE = CERTIFICATE_LIFETIME + TIME_TO_INSTALL;

/**
 * The next CA takes over when the active one ends within this, in milliseconds, whatever sites have installed. What the active CA signed ends
 * when it does: there has to be time to replace all of it.
 */
export const ACTIVATE_AT_THE_LATEST = 90 * DAY;

/** What is known of a tenant's CAs, and of what its sites have installed. */
export interface RollOverFacts {
  active: { notAfter: Date };
  next: { id: string; waitingSites: number } | null;
  retiring: readonly { id: string; notAfter: Date; liveCertificates: number }[];
  /** No CA ends later. */
  rootNotAfter: Date;
}

export type RollOverStep = { kind: 'begin' } | { kind: 'activate'; id: string } | { kind: 'retire'; id: string };

/** Decides what is to be done next about a tenant's CAs. @returns undefined when nothing is, or sites have to install something first */
export function rollOverStep({ active, next, retiring, rootNotAfter }: RollOverFacts, now: Date): RollOverStep | undefined {
  const over = retiring.find(({ notAfter, liveCertificates }) => liveCertificates === 0 || notAfter <= now);
  if (over !== undefined) return { kind: 'retire', id: over.id };
  const remaining = active.notAfter.getTime() - now.getTime();
  if (next !== null) {
    return next.waitingSites === 0 || remaining < ACTIVATE_AT_THE_LATEST ? { kind: 'activate', id: next.id } : undefined;
  }
  // One that would end with the root as well would be replaced again and again.
  return remaining < BEGIN_BEFORE && active.notAfter < rootNotAfter ? { kind: 'begin' } : undefined;
}
