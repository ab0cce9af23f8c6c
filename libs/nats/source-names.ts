import { isJsonObject, type JsonObject, parseJsonObject } from './json.js';
import { EVENTS_STREAM } from './stream-names.js';
import { type SourcedSite, sourceDelivery, type StreamSource } from './streams.js';

/** What tells the sources of a stream apart. */
export const sourceKey = ({ name, external }: StreamSource): string => JSON.stringify([name, external?.api ?? '', external?.deliver ?? '']);

/** Sources that are there stay under the names that they have: under another one, the hub would take what it has got already. */
export function withStandingSources(desired: readonly StreamSource[], current: readonly StreamSource[] = []): StreamSource[] {
  const standing = new Map(current.map((source) => [sourceKey(source), source]));
  return desired.map((source) => standing.get(sourceKey(source)) ?? source);
}

/**
 * The same source under a name that the hub's stream has no message of, so that it begins with what the leaf holds.
 *
 * Where a source goes on is read from the last message in the stream that bears its name, whatever `opt_start_seq` says; and the name is
 * made of the stream, its domain and the subjects that are taken (nats-server, `StreamSource.composeIName`). All subjects can be said in
 * many ways: `>`; `*` and `*.>`; `*`, `*.*` and `*.*.>`; and so on.
 */
export function renamedSource(source: StreamSource): StreamSource {
  const tokens = source.subject_transforms?.length ?? 1;
  const ofTokens = (count: number) => Array<string>(count).fill('*').join('.');
  const exact = Array.from({ length: tokens }, (_, index) => ofTokens(index + 1));
  return { ...source, opt_start_seq: 1, subject_transforms: [...exact, `${ofTokens(tokens)}.>`].map((src) => ({ src, dest: '' })) };
}

/** Where the hub asks the leaf of a site for its messages: a server of 2.10 without, later ones with a consumer's name at the end. */
export const sourceRequestSubjects = ({ jetstreamDomain }: SourcedSite): string[] => {
  const subject = `$JS.${jetstreamDomain}.API.CONSUMER.CREATE.${EVENTS_STREAM}`;
  return [subject, `${subject}.>`];
};

/**
 * Reads such a request: others ask for consumers there, too.
 * @returns the sequence that the hub asks for; undefined when it is not the source of the site that asks
 */
export function requestedSequence({ site }: SourcedSite, payload: Uint8Array): number | undefined {
  const config = configOf(payload);
  if (typeof config?.deliver_subject !== 'string' || !config.deliver_subject.startsWith(`${sourceDelivery(site)}.`)) return undefined;
  return Number.isSafeInteger(config.opt_start_seq) ? (config.opt_start_seq as number) : undefined;
}

function configOf(payload: Uint8Array): JsonObject | undefined {
  try {
    const { config } = parseJsonObject('a request for a consumer', payload);
    return isJsonObject(config) ? config : undefined;
  } catch {
    return undefined;
  }
}
