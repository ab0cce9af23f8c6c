/** The one JetStream stream of a tenant, of the same name on its leaves and at the hub. */
export const EVENTS_STREAM = 'events';

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
