import { join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import type { CollectorType } from '#libs/contracts';

/** What a collector is told by its configuration. */
export interface CollectorConfiguration {
  /** What it dials. */
  url: string;
  /** Paths of its certificate, its key, what it verifies the server with, and its credentials. */
  cert: string;
  key: string;
  ca: string;
  creds: string;
  /** Where it publishes. */
  subjects: string[];
  /** The JetStream domain that it addresses; none for the server's own. */
  domain?: string;
}

/** Gives the text at a path of names in a document. */
type Lookup = (path: string) => string;

interface Format {
  parse: (text: string) => unknown;
  read: (at: Lookup) => CollectorConfiguration;
}

/**
 * Reads a configuration file, as the collector of that type would.
 * @throws Error when it does not say what it has to
 */
export function readCollectorConfiguration(type: CollectorType, text: string): CollectorConfiguration {
  const { parse, read } = FORMATS[type];
  const document = parse(text);
  return read((path) => {
    const found = path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], document);
    if (typeof found !== 'string') throw new Error(`The configuration of ${type} has no ${path}:\n${text}`);
    return found;
  });
}

const flows: Format = {
  parse: JSON.parse,
  read: (at) => ({
    url: at('nats_url'),
    cert: join(at('security.cert_dir'), at('security.tls.cert_file')),
    key: join(at('security.cert_dir'), at('security.tls.key_file')),
    ca: join(at('security.cert_dir'), at('security.tls.ca_file')),
    creds: at('nats_creds_file'),
    subjects: [at('subject')],
  }),
};

const FORMATS: Record<CollectorType, Format> = {
  flowgger: {
    parse: parseToml,
    read: (at) => ({
      url: at('output.nats_url'),
      cert: at('output.nats_tls_cert'),
      key: at('output.nats_tls_key'),
      ca: at('output.nats_tls_ca_file'),
      creds: at('output.nats_creds_file'),
      subjects: [at('output.nats_subject')],
    }),
  },
  otel: {
    parse: parseToml,
    read: (at) => ({
      url: at('nats.url'),
      cert: at('nats.tls.cert_file'),
      key: at('nats.tls.key_file'),
      ca: at('nats.tls.ca_file'),
      creds: at('nats.creds_file'),
      subjects: [at('nats.subject'), at('nats.logs_subject')],
    }),
  },
  trapd: {
    parse: (text) => ({ nats_domain: '', ...(JSON.parse(text) as object) }),
    read: (at) => ({
      url: at('nats_url'),
      cert: at('nats_security.cert_file'),
      key: at('nats_security.key_file'),
      ca: at('nats_security.ca_file'),
      creds: at('nats_creds_file'),
      subjects: [at('subject')],
      // Absent at the hub.
      domain: at('nats_domain') || undefined,
    }),
  },
  netflow: flows,
  sflow: flows,
  falcosidekick: {
    parse: parseYaml,
    read: (at) => ({
      url: at('config.nats.hostport'),
      cert: at('config.mutualtlsclient.certfile'),
      key: at('config.mutualtlsclient.keyfile'),
      ca: at('config.tlsclient.cacertfile'),
      creds: at('config.extraEnv.0.value'),
      subjects: [at('config.nats.subjecttemplate').replace('<priority>', 'critical').replace('<rule>', 'terminal_shell')],
    }),
  },
};
