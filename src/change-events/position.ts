/**
 * A place in the order of all changes: the transaction (PostgreSQL, `xid8`), and the number within it. On the wire it is the id of an event,
 * `<transaction>-<number>`. That of no event stands before the first one of its transaction.
 */
export interface Position {
  xid: bigint;
  seq: bigint;
}

/** What both columns hold at most. */
const MAX_XID = 2n ** 64n - 1n;
const MAX_SEQ = 2n ** 63n - 1n;

/** @returns undefined for what is no position */
export function parsePosition(text: string): Position | undefined {
  const [, xid, seq] = /^(\d{1,20})-(\d{1,19})$/.exec(text) ?? [];
  if (xid === undefined || seq === undefined) return undefined;
  const position = { xid: BigInt(xid), seq: BigInt(seq) };
  return position.xid <= MAX_XID && position.seq <= MAX_SEQ ? position : undefined;
}

export const formatPosition = ({ xid, seq }: Position): string => `${xid}-${seq}`;

export const isAfter = (one: Position, other: Position): boolean => one.xid > other.xid || (one.xid === other.xid && one.seq > other.seq);

/** Before whatever the transaction has changed. */
export const beginningOf = (xid: bigint): Position => ({ xid, seq: 0n });

export const laterOf = (one: Position, other: Position): Position => (isAfter(other, one) ? other : one);
