import { type Clock, DomainError } from '#libs/kernel';
import { CAPTURED_SUBJECTS, EVENTS_STREAM, hubStreamName } from './stream-names.js';

/** A source of a stream, in another domain or, without `external`, in the stream's own account (JetStream API, StreamSource). */
export interface StreamSource {
  name: string;
  opt_start_seq?: number;
  external?: { api: string; deliver?: string };
  /** Which subjects it takes, and under which name; all of them when absent. Without a `dest` a subject stays as it is. */
  subject_transforms?: readonly { src: string; dest: string }[];
}

/**
 * A stream's configuration as the JetStream API has it (io.nats.jetstream.api.v1.stream_configuration). Durations are nanoseconds;
 * 0 or -1 is unlimited. What a server answers may hold more fields; they are kept.
 */
export interface StreamConfig {
  name: string;
  subjects?: readonly string[];
  sources?: readonly StreamSource[];
  retention: 'limits';
  storage: 'file';
  discard: Discard;
  max_age: number;
  max_bytes: number;
  num_replicas: number;
  duplicate_window: number;
  /** Only counts when the stream is made, and is forgotten then: see `begun`. */
  first_seq?: number;
  /** A server since 2.11 says its version there, as `_nats.ver`. */
  metadata?: Readonly<Record<string, string>>;
}

/** What goes when a stream is full: its oldest messages, or whatever comes (the publisher is told). */
export type Discard = 'old' | 'new';

export interface Retention {
  /** Milliseconds. */
  maxAgeMs: number;
  /** Bytes; -1 is unlimited. */
  maxBytes: number;
  /** `old` when absent. */
  discard?: Discard;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const NANOSECONDS = 1_000_000;
const UNLIMITED = -1;

/** Seven days; as many bytes as the account may store; the oldest messages go first. */
export const DEFAULT_RETENTION: Retention = { maxAgeMs: 7 * DAY_MS, maxBytes: UNLIMITED, discard: 'old' };

/** Of the disk that JetStream has at a leaf, the share that the stream may take: the rest is for its index. */
const LEAF_STREAM_SHARE = 0.9;

/** @returns the most bytes that the stream of a leaf may hold whose JetStream may use so many bytes of disk */
export const leafStreamCapacity = (jetstreamMaxFileBytes: number): number => Math.floor(jetstreamMaxFileBytes * LEAF_STREAM_SHARE);

// The server's default. A publisher that repeats a message after a lost acknowledgement does so within it.
const LEAF_DUPLICATE_WINDOW_MS = 120_000;
// The least that servers take. The same Nats-Msg-Id at two sites makes 2.10 drop one of the two messages within the window.
const HUB_DUPLICATE_WINDOW_MS = 100;

/**
 * The stream of a leaf.
 *
 * It begins at a sequence of the clock's, in microseconds: a leaf that is wiped and installed again must not begin at 1, or
 * the hub takes its messages for those that it has already, and skips them without a word.
 */
export function leafStream({
  clock,
  subjects = CAPTURED_SUBJECTS,
  retention = DEFAULT_RETENTION,
}: {
  clock: Clock;
  subjects?: readonly string[];
  retention?: Retention;
}): StreamConfig {
  return {
    ...limits(retention, LEAF_DUPLICATE_WINDOW_MS),
    subjects,
    num_replicas: 1,
    first_seq: clock.now().getTime() * 1000,
  };
}

/** A site as the hub sources from it. */
export interface SourcedSite {
  /** The slug of the site. */
  site: string;
  jetstreamDomain: string;
  /** The retention of its leaf. */
  retention?: Retention;
  /** Its source, where it has another name than it begins with. */
  source?: StreamSource;
}

interface HubStream {
  /** Those that it sources. */
  sites: readonly SourcedSite[];
  retention?: Retention;
  replicas?: number;
}

/**
 * The stream of a tenant at the hub that is read: what collectors publish there directly, and a source for each site, or for the shard that
 * sources the site.
 * @throws DomainError `invalid_configuration` when a leaf keeps messages for longer than the hub: after a restart the hub would
 * take again what has aged out only there.
 */
export function hubStream({
  shards = [],
  subjects = CAPTURED_SUBJECTS,
  ...stream
}: HubStream & { shards?: readonly number[]; subjects?: readonly string[] }): StreamConfig {
  const config = sourcing(stream);
  return { ...config, subjects, sources: [...config.sources!, ...shards.map(shardSource)] };
}

/**
 * A shard of a tenant's stream at the hub: the sources of some sites, and no subjects. It begins at a sequence of the clock's, as a leaf's
 * stream does and for the same reason: what reads it is the stream `events`.
 * @throws DomainError `invalid_configuration` as `hubStream` does
 */
export function shardStream({ clock, shard, ...stream }: HubStream & { clock: Clock; shard: number }): StreamConfig {
  return { ...sourcing(stream), name: hubStreamName(shard), first_seq: clock.now().getTime() * 1000 };
}

function sourcing({ sites, retention = DEFAULT_RETENTION, replicas = 1 }: HubStream): StreamConfig {
  for (const { site, retention: leaf = DEFAULT_RETENTION } of sites) {
    if (leaf.maxAgeMs > retention.maxAgeMs) {
      throw new DomainError('invalid_configuration', `The leaf of ${site} would keep messages for longer than the hub does.`);
    }
  }
  return { ...limits(retention, HUB_DUPLICATE_WINDOW_MS), num_replicas: replicas, sources: sites.map(siteSource) };
}

/**
 * The source of a site. It begins at 1, not at the hub stream's own first sequence: otherwise the backlog of a new site on a hub
 * stream that has aged is lost.
 */
export function siteSource({ site, jetstreamDomain, source }: SourcedSite): StreamSource {
  const api = `$JS.${jetstreamDomain}.API`;
  return source?.external?.api === api ? source : { name: EVENTS_STREAM, opt_start_seq: 1, external: { api, deliver: sourceDelivery(site) } };
}

/** The source of a shard in `events`, which begins at 1 for the same reason. */
export const shardSource = (shard: number): StreamSource => ({ name: hubStreamName(shard), opt_start_seq: 1 });

/** The retention of a tenant's stream at the hub: seven days, or as long as the leaf keeps messages that keeps them longest. */
export function hubRetention(leaves: readonly Retention[]): Retention {
  return { ...DEFAULT_RETENTION, maxAgeMs: Math.max(DEFAULT_RETENTION.maxAgeMs, ...leaves.map(({ maxAgeMs }) => maxAgeMs)) };
}

/** Where the source of a site delivers, which tells the sources of a tenant apart. */
export const sourceDelivery = (site: string): string => `_sync.${site}`;

function limits({ maxAgeMs, maxBytes, discard = 'old' }: Retention, duplicateWindowMs: number): StreamConfig {
  return {
    name: EVENTS_STREAM,
    retention: 'limits',
    storage: 'file',
    discard,
    max_age: maxAgeMs * NANOSECONDS,
    max_bytes: maxBytes,
    num_replicas: 1,
    duplicate_window: Math.min(duplicateWindowMs, maxAgeMs) * NANOSECONDS,
  };
}
