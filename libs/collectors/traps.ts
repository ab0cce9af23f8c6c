import { EVENTS_STREAM } from '#libs/nats';
import { type CollectorDefinition, HOST_PATHS } from './definition.js';
import { jsonText } from './json.js';

/** trapd: SNMP traps. Keys are those of ServiceRadar's rust/trapd/src/config.rs. */
export const trapd: CollectorDefinition = {
  port: 162,
  protocol: 'udp',
  subjects: ['logs.snmp'],
  configFile: 'trapd.json',
  service: 'serviceradar-trapd',
  settings: {
    listen_addr: { kind: 'address', value: '0.0.0.0:162' },
  },
  render: ({ natsUrl, jetstreamDomain }, values) =>
    jsonText({
      listen_addr: values.listen_addr,
      nats_url: natsUrl,
      ...(jetstreamDomain !== null && { nats_domain: jetstreamDomain }),
      nats_creds_file: HOST_PATHS.creds,
      stream_name: EVENTS_STREAM,
      subject: 'logs.snmp',
      nats_security: { mode: 'mtls', cert_file: HOST_PATHS.cert, key_file: HOST_PATHS.key, ca_file: HOST_PATHS.caChain },
    }),
};
