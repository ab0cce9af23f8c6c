const AWAY = 'The database is not available right now. Try again.';
const CROWDED = 'More is asked of the database right now than it can take. Try again.';
const CONTENDED = 'Others are changing the same right now. Try again.';
const SLOW = 'The database takes too long right now. Try again.';
const READ_ONLY = 'The database takes no changes right now. Try again later.';
const FULL = 'The database has no room left right now. Nothing was changed. Try again later.';

/**
 * What PostgreSQL cannot do right now, by error code (PostgreSQL, "Appendix A. PostgreSQL Error Codes") or by that of a socket; the first that
 * fits. What is not here, it refuses for good.
 */
const BY_CODE: readonly [RegExp, string][] = [
  // A connection that cannot be made, or was lost; 40003: while it committed.
  [/^(?:08\w{3}|40003|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/, AWAY],
  // It ends or starts; 57P01 also when an administrator ended the connection. 58: the system below it fails.
  [/^(?:57P0[1-5]|58000|58030)$/, AWAY],
  // Serialization failure, deadlock, a lock that was waited for in vain.
  [/^(?:40001|40P01|55P03)$/, CONTENDED],
  // Time limits: of a statement, of a transaction that idles, of a transaction.
  [/^(?:57014|25P03|25P04)$/, SLOW],
  // A standby, as what was the primary is after a fail-over, or a server that was made so.
  [/^25006$/, READ_ONLY],
  [/^53100$/, FULL],
  // Out of memory, connections or what else is limited.
  [/^53\w{3}$/, CROWDED],
];

/** What node-postgres says without a code (pg/lib/client.js, pg-pool/index.js). */
const BY_MESSAGE: readonly [RegExp, string][] = [
  [/^Connection terminated|is not queryable$|^the database system is /i, AWAY],
  [/timeout exceeded when trying to connect/, CROWDED],
];

/** The error and what it was caused by, down to the first. */
function* causesOf(error: unknown): Generator<{ code?: unknown; message?: unknown; syscall?: unknown }> {
  for (let cause = error; typeof cause === 'object' && cause !== null; cause = (cause as { cause?: unknown }).cause) yield cause;
}

const meaningOf = (text: unknown, meanings: readonly [RegExp, string][]) =>
  typeof text === 'string' ? meanings.find(([pattern]) => pattern.test(text))?.[1] : undefined;

/**
 * What to tell whoever runs into an error that says that PostgreSQL cannot right now, as against that it refused what was asked.
 * @returns a sentence without secrets; undefined for all other errors
 */
export function databaseFaultOf(error: unknown): string | undefined {
  for (const { code, message, syscall } of causesOf(error)) {
    // Of whatever else a connection cannot be made: no route; no such socket, as that of a server on this machine that does not run.
    if (syscall === 'connect') return AWAY;
    const meaning = meaningOf(code, BY_CODE) ?? meaningOf(message, BY_MESSAGE);
    if (meaning !== undefined) return meaning;
  }
  return undefined;
}

/** Whether an error will pass, as when the database is away: all that is asked of it right now may run into it. */
export const isDatabaseAway = (error: unknown): boolean => databaseFaultOf(error) !== undefined;

/** Whether PostgreSQL has given up a transaction only because of others that ran at the same time: it has undone all of it. */
export function lostToOthers(error: unknown): boolean {
  for (const { code } of causesOf(error)) if (code === '40001' || code === '40P01') return true;
  return false;
}
