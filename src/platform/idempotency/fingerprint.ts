import { createHash } from 'node:crypto';

interface Fingerprinted {
  method: string;
  /** Path and query. */
  url: string;
  /** As it was parsed from JSON. */
  body?: unknown;
}

/** SHA-256 (hex) of what a request asks for. The order of an object's members and the spaces between them are none of it. */
export const fingerprintOf = ({ method, url, body }: Fingerprinted): string =>
  createHash('sha256').update(JSON.stringify([method, url, inOrder(body ?? null)])).digest('hex');

/** JSON has no order of members (RFC 8259, section 4); nesting is bounded where bodies are read. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  // As pairs: an object would put members that look like numbers first by itself, and might have one named __proto__.
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return { '': members.map(([name, member]) => [name, inOrder(member)]) };
}
