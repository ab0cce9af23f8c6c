import { EVENTS_STREAM } from '#libs/nats';
import { stringify } from 'smol-toml';
import { type CollectorDefinition, HOST_PATHS } from './definition.js';

/** OpenTelemetry over gRPC. Keys are those of ServiceRadar's rust/otel/src/config.rs. */
export const otel: CollectorDefinition = {
  port: 4317,
  protocol: 'tcp',
  subjects: ['otel', 'logs.otel'],
  configFile: 'otel.toml',
  service: 'serviceradar-otel',
  settings: {
    listen_addr: { kind: 'address', value: '0.0.0.0:4317' },
    http_listen_addr: { kind: 'address' },
    max_request_bytes: { kind: 'integer', min: 65_536, max: 268_435_456, value: 67_108_864 },
    publish_timeout_secs: { kind: 'integer', min: 1, max: 120, value: 30 },
    // off: whoever reaches the port sends. server: with this collector's certificate. mutual: the tenant's certificates only.
    tls: { kind: 'choice', of: ['off', 'server', 'mutual'], value: 'off' },
  },
  render: ({ natsUrl }, values) =>
    stringify({
      server: {
        ...bind(values.listen_addr as string),
        max_request_bytes: values.max_request_bytes!,
        // On by default in the collector, on a port that nobody asked for.
        http: values.http_listen_addr === undefined ? { enabled: false } : { enabled: true, ...bind(values.http_listen_addr as string) },
      },
      nats: {
        url: natsUrl,
        subject: 'otel',
        logs_subject: 'logs.otel',
        stream: EVENTS_STREAM,
        timeout_secs: values.publish_timeout_secs!,
        creds_file: HOST_PATHS.creds,
        tls: { cert_file: HOST_PATHS.cert, key_file: HOST_PATHS.key, ca_file: HOST_PATHS.caChain },
      },
      ...(values.tls !== 'off' && {
        grpc_tls: {
          cert_file: HOST_PATHS.cert,
          key_file: HOST_PATHS.key,
          ...(values.tls === 'mutual' && { ca_file: HOST_PATHS.caChain }),
          client_auth: values.tls === 'mutual' ? 'required' : 'none',
        },
      }),
    }),
};

/** The collector joins the two with a colon again, so an IPv6 address keeps its brackets. */
function bind(address: string): { bind_address: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { bind_address: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
