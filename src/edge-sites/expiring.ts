/** How long before their end certificates are said to be expiring soon, and are renewed: 30 days, in milliseconds. */
const EXPIRING_SOON = 30 * 24 * 60 * 60 * 1000;

/** Certificates that end before this are expiring soon. */
export const soonAfter = (now: Date): Date => new Date(now.getTime() + EXPIRING_SOON);
