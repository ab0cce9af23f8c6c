/** How long before their end certificates are said to be expiring soon, and are renewed: 30 days, in milliseconds. */
const EXPIRING_SOON = 30 * 24 * 60 * 60 * 1000;

/** Certificates that end before this are expiring soon. */
export const soonAfter = (now: Date): Date => new Date(now.getTime() + EXPIRING_SOON);

/**
 * Whether certificates are to be renewed: they are expiring soon, and the next ones would end later. No certificate outlives its CA: at the
 * CA's end a new one would gain nothing, again and again.
 *
 * @param issuer the CA that would sign the next ones
 */
export const gainsByRenewal = (expiresAt: Date, issuer: { notAfter: Date }, now: Date): boolean => expiresAt < soonAfter(now) && expiresAt < issuer.notAfter;
