import { createHash } from 'node:crypto';

/** The columns of an audit row that its hash is over, in their order, as PostgreSQL writes them. */
export type AuditRowText = readonly (string | null)[];

/** An audit row as a seal knows it, and as it is, if it is there. */
export interface SealedRow {
  eventId: string;
  /** SHA-256, hex. */
  rowHash: string;
  row: AuditRowText | null;
}

/** A seal as it is on record, with the rows that it is over. */
export interface Seal {
  /** The tenant's id, or zeros for the platform. */
  chain: string;
  sequence: number;
  /** With microseconds, in UTC. */
  sealedAt: string;
  /** SHA-256, hex, over all this, and the seal before. */
  hash: string;
  rows: readonly SealedRow[];
}

/** A seal that is known from elsewhere. */
export interface Anchor {
  chain: string;
  sequence: number;
  hash: string;
}

/** What is wrong at a place of a chain, as a sentence. */
export interface Fault {
  chain: string;
  sequence: number | null;
  problem: string;
}

/**
 * SHA-256 over fields, hex, as the database's function `audit_hash` makes it: each is its length in bytes, a colon, and its text in UTF-8; a
 * hyphen stands for null; commas are in between.
 */
export function auditHash(fields: readonly (string | null)[]): string {
  const text = fields.map((field) => (field === null ? '-' : `${Buffer.byteLength(field)}:${field}`)).join(',');
  return createHash('sha256').update(text).digest('hex');
}

/** Follows one chain from its first seal to its last. */
export class ChainCheck {
  readonly faults: Fault[] = [];
  #head: Anchor | undefined;
  /** Hashes by the sequence that they were seen at. */
  readonly #anchors = new Map<number, Set<string>>();

  /** @param anchors of this chain */
  constructor(
    private readonly chain: string,
    anchors: readonly Anchor[],
  ) {
    for (const { sequence, hash } of anchors) this.#anchors.set(sequence, (this.#anchors.get(sequence) ?? new Set()).add(hash));
  }

  /** Where the chain ends, as far as it was followed. */
  get head(): Anchor | undefined {
    return this.#head;
  }

  /** @param seal the next one, by sequence */
  follow(seal: Seal): void {
    const { sequence } = seal;
    const last = this.#head;
    const expected = (last?.sequence ?? 0) + 1;
    if (sequence !== expected) this.fault(expected, `${sequence - expected} seals are missing before ${sequence}: rows were removed`);
    else if (this.hashOf(seal, last?.hash ?? null) !== seal.hash) {
      this.fault(sequence, 'the seal does not follow from the one before: seals were changed, reordered or inserted');
    }
    for (const { eventId, rowHash, row } of seal.rows) {
      if (row === null) this.fault(sequence, `the row ${eventId} was removed`);
      else if (auditHash(row) !== rowHash) this.fault(sequence, `the row ${eventId} was changed`);
    }
    if ([...(this.#anchors.get(sequence) ?? [])].some((hash) => hash !== seal.hash)) {
      this.fault(sequence, 'the hash is not that of the anchor: the chain was written anew');
    }
    this.#head = { chain: this.chain, sequence, hash: seal.hash };
  }

  /** Call it after the last seal. */
  end(): void {
    const last = this.#head?.sequence ?? 0;
    const beyond = [...this.#anchors.keys()].filter((sequence) => sequence > last);
    if (beyond.length > 0) this.fault(last + 1, `the chain ends at ${last}, and there is an anchor at ${Math.max(...beyond)}: its end was cut off`);
  }

  private hashOf({ chain, sequence, sealedAt, rows }: Seal, before: string | null): string {
    const sealed = [...rows.map(({ eventId }) => eventId), ...rows.map(({ rowHash }) => rowHash)];
    return auditHash([before, chain, String(sequence), sealedAt, ...sealed]);
  }

  private fault(sequence: number, problem: string): void {
    this.faults.push({ chain: this.chain, sequence, problem });
  }
}

const ANCHOR = /audit:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([1-9]\d{0,14}):([0-9a-f]{64})/g;

/** `audit:<chain>:<sequence>:<hash>`: what is kept outside of the database to know the end of a chain by. */
export const formatAnchor = ({ chain, sequence, hash }: Anchor): string => `audit:${chain}:${sequence}:${hash}`;

/** All anchors in a text, be it a log. */
export const anchorsIn = (text: string): Anchor[] =>
  [...text.matchAll(ANCHOR)].map(([, chain, sequence, hash]) => ({ chain: chain!, sequence: Number(sequence), hash: hash! }));
