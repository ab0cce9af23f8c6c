import { EVENTS_STREAM } from '#libs/nats';
import { stringify } from 'smol-toml';
import { type CollectorDefinition, HOST_PATHS } from './definition.js';

const SUBJECT = 'logs.syslog';

/**
 * flowgger: syslog. Keys are those of its configuration (github.com/awslabs/flowgger/wiki/Configuration) and of the NATS output that
 * ServiceRadar's edition of it has (rust/flowgger/src/flowgger/output/nats_output.rs there).
 */
export const flowgger: CollectorDefinition = {
  port: 514,
  protocol: 'udp',
  subjects: [SUBJECT],
  configFile: 'flowgger.toml',
  service: 'serviceradar-flowgger',
  settings: {
    listen_addr: { kind: 'address', value: '0.0.0.0:514' },
    transport: { kind: 'choice', of: ['udp', 'tcp'], value: 'udp' },
    format: { kind: 'choice', of: ['auto', 'rfc3164', 'rfc5424', 'gelf', 'ltsv'], value: 'auto' },
    rfc3164_timezone: { kind: 'time_zone', value: 'UTC' },
    workers: { kind: 'integer', min: 1, max: 64, value: 1 },
    publish_timeout_ms: { kind: 'integer', min: 1_000, max: 120_000, value: 30_000 },
  },
  render: ({ natsUrl, tenantSlug, siteSlug, hostname }, values) =>
    stringify({
      input: {
        type: values.transport!,
        listen: values.listen_addr!,
        // A datagram is one message; a stream has to be told where one ends.
        ...(values.transport === 'tcp' && { framing: 'line' }),
        format: values.format!,
        rfc3164_timezone: values.rfc3164_timezone!,
      },
      output: {
        type: 'nats',
        format: 'gelf',
        framing: 'noop',
        partition: siteSlug ?? 'default',
        nats_url: natsUrl,
        nats_subject: SUBJECT,
        nats_stream: EVENTS_STREAM,
        nats_threads: values.workers!,
        nats_timeout: values.publish_timeout_ms!,
        // Without end: the host may start before its leaf does.
        nats_connect_attempts: 0,
        nats_tls_ca_file: HOST_PATHS.caChain,
        nats_tls_cert: HOST_PATHS.cert,
        nats_tls_key: HOST_PATHS.key,
        nats_creds_file: HOST_PATHS.creds,
        gelf_extra: { _tenant: tenantSlug, _collector_host: hostname, ...(siteSlug !== null && { _site: siteSlug }) },
      },
    }),
};
