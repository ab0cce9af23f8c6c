import { DomainError } from '#libs/kernel';

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The JSON object of a server's message.
 * @throws DomainError `hub_unreachable` when it is something else: whoever answered is no NATS server that this code knows.
 */
export function parseJsonObject(what: string, payload: Uint8Array): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString());
    if (isJsonObject(value)) return value;
  } catch {
    // Falls through: what is no JSON is no answer either.
  }
  throw unexpected(what);
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws DomainError `hub_unreachable` when the field is absent or not an object. */
export function objectField(what: string, from: JsonObject, name: string): JsonObject {
  const value = from[name];
  if (!isJsonObject(value)) throw unexpected(what, name);
  return value;
}

/** @throws DomainError `hub_unreachable` when the field is absent or not a text. */
export function textField(what: string, from: JsonObject, name: string): string {
  const value = from[name];
  if (typeof value !== 'string' || value === '') throw unexpected(what, name);
  return value;
}

/** @throws DomainError `hub_unreachable` when the field is absent or not a whole number. */
export function integerField(what: string, from: JsonObject, name: string): number {
  const value = from[name];
  if (!Number.isInteger(value)) throw unexpected(what, name);
  return value as number;
}

export function unexpected(what: string, field?: string): DomainError {
  const where = field === undefined ? '' : ` in its field ${field}`;
  return new DomainError('hub_unreachable', `The NATS server sent ${what} of an unknown shape${where}.`);
}
