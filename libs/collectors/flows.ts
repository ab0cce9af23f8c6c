import { EVENTS_STREAM } from '#libs/nats';
import { type CollectorConfigurationInput, type CollectorDefinition, HOST_PATHS } from './definition.js';
import { jsonText } from './json.js';
import type { Overrides, Setting } from './overrides.js';

const COMMON_SETTINGS = {
  buffer_size: { kind: 'integer', min: 1_500, max: 1_048_576, value: 65_536 },
  channel_size: { kind: 'integer', min: 1, max: 1_000_000, value: 10_000 },
  batch_size: { kind: 'integer', min: 1, max: 10_000, value: 100 },
  publish_timeout_ms: { kind: 'integer', min: 100, max: 120_000, value: 5_000 },
  drop_policy: { kind: 'choice', of: ['drop_oldest', 'drop_newest', 'block'], value: 'drop_oldest' },
  metrics_addr: { kind: 'address' },
} as const satisfies Record<string, Setting>;

/** NetFlow and IPFIX. Keys are those of ServiceRadar's rust/netflow-collector/src/config.rs. */
export const netflow: CollectorDefinition = {
  port: 2055,
  protocol: 'udp',
  subjects: ['events.netflow'],
  configFile: 'netflow.json',
  service: 'serviceradar-netflow-collector',
  settings: {
    listen_addr: { kind: 'address', value: '0.0.0.0:2055' },
    ...COMMON_SETTINGS,
    max_templates: { kind: 'integer', min: 1, max: 100_000, value: 2_000 },
  },
  render: (input, values) => render(input, 'events.netflow', values),
};

/** sFlow. Keys are those of ServiceRadar's rust/sflow-collector/src/config.rs. */
export const sflow: CollectorDefinition = {
  port: 6343,
  protocol: 'udp',
  subjects: ['flows.raw.sflow'],
  configFile: 'sflow.json',
  service: 'serviceradar-sflow-collector',
  settings: {
    listen_addr: { kind: 'address', value: '0.0.0.0:6343' },
    ...COMMON_SETTINGS,
    max_samples_per_datagram: { kind: 'integer', min: 1, max: 10_000 },
  },
  render: (input, values) => render(input, 'flows.raw.sflow', values),
};

/** The settings of both have the names of their keys. */
const render = ({ natsUrl, siteSlug }: CollectorConfigurationInput, subject: string, values: Overrides): string =>
  jsonText({
    ...values,
    nats_url: natsUrl,
    nats_creds_file: HOST_PATHS.creds,
    stream_name: EVENTS_STREAM,
    subject,
    partition: siteSlug ?? 'default',
    security: {
      mode: 'mtls',
      cert_dir: HOST_PATHS.certDir,
      tls: { cert_file: 'collector.pem', key_file: 'collector-key.pem', ca_file: 'ca-chain.pem' },
    },
  });
