/** How deep a JSON value of an agent may be nested. */
const DEPTH_MAX = 16;

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

const SURROGATE = /[\ud800-\udfff]/;

/** A text of an agent's as it is kept: without control characters, cut to so many characters. PostgreSQL takes no NUL, and no half of a pair. */
export const plainText = (text: string, max: number): string => wellFormed(text.replace(CONTROL, '').slice(0, max));

/**
 * A message of an agent's as it is kept: the JSON object that it is; as `{ text }`, when it is something else or is nested deeper than 16.
 * @param message UTF-8; what is not becomes U+FFFD
 */
export function jsonObjectOf(message: Uint8Array): Record<string, unknown> {
  if (message.length === 0) return {};
  const text = Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString('utf8');
  return parsed(text) ?? { text: storable(text, 0) };
}

function parsed(text: string): Record<string, unknown> | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return storable(JSON.parse(text), 0) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TooDeep) return undefined;
    throw error;
  }
}

class TooDeep extends Error {}

/** As PostgreSQL can keep it. */
function storable(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return withoutNul(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEPTH_MAX) throw new TooDeep();
  if (Array.isArray(value)) return value.map((one) => storable(one, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [withoutNul(name), storable(one, depth + 1)]));
}

const withoutNul = (text: string): string => wellFormed(text.includes('\0') ? text.replaceAll('\0', '') : text);

/** Half a surrogate pair becomes U+FFFD. */
export const wellFormed = (text: string): string => (SURROGATE.test(text) ? Buffer.from(text, 'utf8').toString('utf8') : text);
