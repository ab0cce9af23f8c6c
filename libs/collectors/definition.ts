import type { Overrides, Setting } from './overrides.js';

/** Where a collector's files are on its host, below any `--prefix`. */
export const HOST_PATHS = {
  etc: '/etc/serviceradar',
  certDir: '/etc/serviceradar/certs',
  cert: '/etc/serviceradar/certs/collector.pem',
  key: '/etc/serviceradar/certs/collector-key.pem',
  caChain: '/etc/serviceradar/certs/ca-chain.pem',
  creds: '/etc/serviceradar/creds/nats.creds',
} as const;

export interface CollectorConfigurationInput {
  /** What the collector dials: `tls://host:port`. */
  natsUrl: string;
  /** The JetStream domain of the site's leaf; null at the hub, whose API needs none. */
  jetstreamDomain: string | null;
  tenantSlug: string;
  siteSlug: string | null;
  /** The collector's host, as people named it. */
  hostname: string;
}

/** All that is peculiar to one type of collector. */
export interface CollectorDefinition {
  /** Where it listens unless `listen_addr` says otherwise. */
  port: number;
  protocol: 'udp' | 'tcp';
  /** What it may publish: subjects or patterns. */
  subjects: readonly string[];
  /** Name of its configuration file. */
  configFile: string;
  /** The systemd service of its package; null for what runs in Kubernetes. */
  service: string | null;
  /** What `config_overrides` may hold. */
  settings: Readonly<Record<string, Setting>>;
  /** @param values one for each of `settings` that has one */
  render: (input: CollectorConfigurationInput, values: Overrides) => string;
}
