import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '#libs/kernel';
import { isJsonObject, objectField, parseJsonObject, textField } from './json.js';
import { EVENTS_STREAM } from './stream-names.js';
import { sourceKey, withStandingSources } from './source-names.js';
import type { StreamConfig, StreamSource } from './streams.js';

/** What a configuration without a first sequence has. */
const FORGOTTEN = 0;

/** What to do about a stream: make it, bring it up to date with this configuration, or leave it. */
export type StreamPlan = { kind: 'create'; config: StreamConfig } | { kind: 'update'; config: StreamConfig } | { kind: 'none' };

/**
 * Compares the stream that should be with the one that is. Nothing here removes messages, unless the caller says that some may go: a limit
 * never goes below the one in force, the sequences stay, and there is no plan that deletes.
 *
 * A stream that was just made with a first sequence is to be updated at once: see `begun`.
 *
 * @param current the configuration of the stream as its server told it, or undefined when there is none
 * @param mayNarrow whether limits may go below those in force, and messages with them
 * @throws DomainError `invalid_configuration` when the two differ in what cannot be changed: name, storage, retention policy.
 */
export function planStream(desired: StreamConfig, current: StreamConfig | undefined, { mayNarrow = false } = {}): StreamPlan {
  if (!current) return { kind: 'create', config: desired };
  for (const field of ['name', 'storage', 'retention'] as const) {
    if (current[field] !== desired[field]) {
      throw new DomainError('invalid_configuration', `The stream has another ${field}, which cannot be changed: ${String(current[field])}.`);
    }
  }
  const config: StreamConfig = {
    ...current,
    ...desired,
    ...(desired.sources && { sources: withStandingSources(desired.sources, current.sources) }),
    first_seq: current.first_seq && FORGOTTEN,
    ...(mayNarrow ? {} : widerLimits(desired, current)),
  };
  const unchanged = (Object.keys(desired) as (keyof StreamConfig)[]).every((field) => isSame(config[field], current[field]));
  return unchanged ? { kind: 'none' } : { kind: 'update', config };
}

/**
 * A stream that was made with a first sequence, whose configuration no longer says so; its sequences stay. A server before 2.10.28 and
 * 2.11.1 purges such a stream when it starts, as long as its first message is still there (nats-server, pull request 6753).
 */
export const begun = (made: StreamConfig): StreamConfig => ({ ...made, first_seq: FORGOTTEN });

/** Whether a limit that should be is below the one in force. */
export function narrows(desired: StreamConfig, current: StreamConfig): boolean {
  const kept = widerLimits(desired, current);
  return kept.max_age !== desired.max_age || kept.max_bytes !== desired.max_bytes;
}

/**
 * The two updates of a stream at the hub that make sources start at once, those of sites whose leaves have just connected: without them, then
 * with them. Left alone a source takes 40 s and more to notice. The other sources go on, and nothing is lost or doubled.
 *
 * @param hub the configuration of the stream as it is now
 */
export function rearm(hub: StreamConfig, sources: readonly StreamSource[]): [without: StreamConfig, withSources: StreamConfig] {
  return replaceSources(hub, withStandingSources(sources, hub.sources));
}

/** The two updates of a stream at the hub that put sources in place of those that deliver to the same subjects. */
export function replaceSources(hub: StreamConfig, sources: readonly StreamSource[]): [without: StreamConfig, withSources: StreamConfig] {
  const replaced = new Set(sources.map(sourceId));
  const others = (hub.sources ?? []).filter((other) => !replaced.has(sourceId(other)));
  return [
    { ...hub, sources: others },
    { ...hub, sources: [...others, ...sources] },
  ];
}

/** The source that a stream has in the place of this one, under whichever name and of whichever domain. */
export const standingSource = (config: StreamConfig | undefined, source: StreamSource): StreamSource | undefined =>
  config?.sources?.find((other) => sourceId(other) === sourceId(source));

/** What stays the same of a source when its site has another domain. */
const sourceId = ({ name, external }: StreamSource): string => external?.deliver ?? name;

/**
 * The subject of a request to the JetStream API about a stream, as a connection to the hub sends it.
 * @param domain a leaf's domain; without it, the hub itself
 */
export function streamRequest(verb: 'create' | 'update' | 'info' | 'delete', { domain, stream = EVENTS_STREAM }: { domain?: string; stream?: string } = {}): string {
  const api = domain === undefined ? '$JS.API' : `$JS.${domain}.API`;
  return `${api}.STREAM.${verb.toUpperCase()}.${stream}`;
}

/** What a server answered about a stream. `code` is the JetStream API's error code (`err_code`). */
export type StreamAnswer =
  | { kind: 'stream'; config: StreamConfig }
  | { kind: 'not_found' }
  | { kind: 'error'; code: number; description: string };

const STREAM_NOT_FOUND = 10059;

/**
 * Reads the answer to a create, update or info request.
 * @throws DomainError `hub_unreachable` when it has an unknown shape.
 */
export function parseStreamAnswer(payload: Uint8Array): StreamAnswer {
  const what = 'an answer about a stream';
  const answer = parseJsonObject(what, payload);
  if (isJsonObject(answer.error)) {
    const code = Number(answer.error.err_code ?? answer.error.code);
    if (code === STREAM_NOT_FOUND) return { kind: 'not_found' };
    return { kind: 'error', code, description: typeof answer.error.description === 'string' ? answer.error.description : 'no description' };
  }
  const config = objectField(what, answer, 'config');
  textField(what, config, 'name');
  return { kind: 'stream', config: config as unknown as StreamConfig };
}

const widerLimits = (desired: StreamConfig, current: StreamConfig) => ({
  max_age: wider(desired.max_age, current.max_age),
  max_bytes: wider(desired.max_bytes, current.max_bytes),
});

/** Whichever keeps more; 0 and below is unlimited. */
const wider = (a: number, b: number): number => (a <= 0 || b <= 0 ? Math.min(a, b) : Math.max(a, b));

function isSame(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a)) return isDeepStrictEqual(a, b);
  // A server leaves an empty list out.
  const other: unknown = b ?? [];
  return Array.isArray(other) && isDeepStrictEqual(a.map(elementKey).sort(), other.map(elementKey).sort());
}

/** Order says nothing in the lists of a stream, and a server may tell more of a source than it was given. */
const elementKey = (element: string | StreamSource): string => (typeof element === 'string' ? element : sourceKey(element));
