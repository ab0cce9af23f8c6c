import type { LeafFindings } from '../../libs/contracts/index.js';
import type { Leafz, Monitoring } from './monitoring.js';

/** Streams that are told of at most, so that a status stays small. */
const STREAMS_MAX = 50;

/** What is found out about a leaf on its machine, beside its monitoring. */
export interface Surroundings {
  disk: { free: number; total: number } | undefined;
  configChecksum: string | null;
}

/** What there is to tell of a leaf that does not answer. */
export const silent = (error: string, configChecksum: string | null): LeafFindings => ({
  healthz: 'no answer',
  upstream_connected: false,
  rtt_ms: null,
  server_version: null,
  server_id: null,
  uptime_seconds: null,
  buffered_messages: null,
  buffered_bytes: null,
  buffer_max_bytes: null,
  streams: [],
  disk_free_bytes: null,
  disk_total_bytes: null,
  config_checksum: configChecksum,
  error,
});

/** What a leaf's own words mean. */
export function findingsOf({ healthz, varz, leafz, jsz }: Monitoring, { disk, configChecksum }: Surroundings): LeafFindings {
  const upstream = upstreamOf(leafz, varz.system_account);
  const streams = (jsz.account_details ?? []).flatMap(({ stream_detail: details }) => details ?? []);
  const isWell = healthz.status === 'ok';
  const hasJetStream = jsz.config !== undefined && jsz.disabled !== true;
  const wrong = isWell ? (hasJetStream ? null : 'JetStream is off: the leaf keeps no messages while the hub is away.') : (healthz.error ?? 'The leaf says that it is not well.');
  return {
    healthz: isWell ? 'ok' : (healthz.error ?? healthz.status ?? 'unknown'),
    upstream_connected: upstream !== undefined,
    rtt_ms: millisecondsOf(upstream?.rtt),
    server_version: varz.version ?? null,
    server_id: varz.server_id ?? null,
    uptime_seconds: secondsBetween(varz.start, varz.now),
    buffered_messages: jsz.messages ?? null,
    buffered_bytes: jsz.bytes ?? null,
    buffer_max_bytes: jsz.config?.max_storage ?? null,
    streams: streams.slice(0, STREAMS_MAX).map(({ name, state: { messages, bytes, first_seq, last_seq } }) => ({ name, messages, bytes, first_seq, last_seq })),
    disk_free_bytes: disk?.free ?? null,
    disk_total_bytes: disk?.total ?? null,
    config_checksum: configChecksum,
    error: wrong,
  };
}

/** The link that carries the tenant's messages: the leaf has dialled it, and it is not the one that only tells of revocations. */
const upstreamOf = ({ leafs = [] }: Leafz, systemAccount: string | undefined) => leafs.find(({ account, is_spoke: isSpoke = true }) => isSpoke && account !== systemAccount);

/** Of a duration as Go writes it, `1m2.5s` or `634µs`; null when it is none. */
export function millisecondsOf(duration: string | undefined): number | null {
  const parts = [...(duration ?? '').matchAll(/(\d{1,15}(?:\.\d{1,9})?)(ns|µs|us|ms|s|m|h)/g)];
  if (parts.length === 0) return null;
  const units: Record<string, number> = { ns: 1e-6, µs: 1e-3, us: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * units[unit!]!, 0);
}

function secondsBetween(start: string | undefined, now: string | undefined): number | null {
  const seconds = Math.floor((Date.parse(now ?? '') - Date.parse(start ?? '')) / 1000);
  return Number.isNaN(seconds) ? null : Math.max(0, seconds);
}
