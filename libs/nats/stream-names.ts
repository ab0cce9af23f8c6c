/** The JetStream stream of a tenant that is read, of the same name on its leaves and at the hub. */
export const EVENTS_STREAM = 'events';

/** The hub's stream of that number, which sources sites: 0 is `events` itself, the others are its shards, `events-1` and so on. */
export const hubStreamName = (shard: number): string => (shard === 0 ? EVENTS_STREAM : `${EVENTS_STREAM}-${shard}`);

/** The number of a hub's stream; undefined when it is none of ours. */
export function shardOfStream(name: string): number | undefined {
  const shard = name === EVENTS_STREAM ? 0 : Number(/^events-([1-9]\d*)$/.exec(name)?.[1]);
  return Number.isSafeInteger(shard) ? shard : undefined;
}

/** The hub's JetStream domain. */
export const HUB_DOMAIN = 'hub';

/**
 * What the collectors publish, and the stream `events` stores. A leaf keeps these off its link: they reach the hub only by way of
 * the streams, each message once.
 */
export const CAPTURED_SUBJECTS: readonly string[] = [
  'logs.syslog',
  'logs.snmp',
  'events.netflow',
  'flows.raw.sflow',
  'otel',
  'logs.otel',
  'falco.>',
];

/** What agents have collected, as the gateway hands it on at the hub: only the stream there stores it. */
export const AGENT_RESULTS_SUBJECTS = 'agent.results.>';
