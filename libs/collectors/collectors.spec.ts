import { COLLECTOR_TYPES, type CollectorType } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { CAPTURED_SUBJECTS, publisherPermissions } from '#libs/nats';
import fc from 'fast-check';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import { checkOverrides, collectorSubjects, configFileOf, type Overrides, renderCollectorConfiguration } from './index.js';

const CERTS = { cert_file: '/etc/serviceradar/certs/collector.pem', key_file: '/etc/serviceradar/certs/collector-key.pem', ca_file: '/etc/serviceradar/certs/ca-chain.pem' };
const CREDS = '/etc/serviceradar/creds/nats.creds';

const atSite = {
  natsUrl: 'tls://nats.new-york.example.com:4222',
  jetstreamDomain: 'edge-new-york',
  tenantSlug: 'acme',
  siteSlug: 'new-york',
  hostname: 'collector-1.example.com',
};
const atHub = { ...atSite, natsUrl: 'tls://hub.example.com:4222', jetstreamDomain: null, siteSlug: null };

const PARSERS: Record<string, (text: string) => unknown> = {
  toml: (text) => parseToml(text),
  json: (text) => JSON.parse(text) as unknown,
  // Helm reads YAML 1.1, in which `no` is false and `0x1` a number.
  yaml: (text) => parseYaml(text, { version: '1.1' }) as unknown,
};
/** What the tests look into; all else is compared as it is. */
interface Configuration {
  server: unknown;
  nats: unknown;
  output: { gelf_extra: unknown };
  grpc_tls: unknown;
  config: { mutualtlsclient: Record<'certfile' | 'keyfile' | 'cacertfile', string>; extraEnv: { name: string; value: string }[] };
  podAnnotations: unknown;
  extraVolumes: { name: string; secret: { items: { path: string }[] } }[];
  extraVolumeMounts: { name: string; mountPath: string }[];
}
const parse = (type: CollectorType, text: string): Configuration => PARSERS[configFileOf(type).split('.')[1]!]!(text) as Configuration;
const rendered = (type: CollectorType, input: typeof atSite | typeof atHub = atSite, overrides: unknown = {}): Configuration =>
  parse(type, renderCollectorConfiguration({ type, ...input, overrides: checkOverrides(type, overrides) }));

const errorsOf = (type: CollectorType, overrides: unknown) => {
  try {
    checkOverrides(type, overrides);
  } catch (error) {
    if (error instanceof DomainError && error.code === 'validation_failed') return error.errors;
    throw error;
  }
  return [];
};
const pointersOf = (type: CollectorType, overrides: unknown) => errorsOf(type, overrides).map(({ pointer }) => pointer);

describe('the subjects of the collectors', () => {
  it('are together what the stream captures', () => {
    expect(COLLECTOR_TYPES.flatMap(collectorSubjects).toSorted()).toEqual([...CAPTURED_SUBJECTS].toSorted());
  });

  it.each(COLLECTOR_TYPES)('are such that a user may be given them: %s', (type) => {
    expect(publisherPermissions(collectorSubjects(type)).publish.allow).toEqual(expect.arrayContaining([...collectorSubjects(type)]));
  });
});

describe('the configuration of flowgger', () => {
  it('listens for syslog and sends to the stream', () => {
    expect(rendered('flowgger')).toEqual({
      input: { type: 'udp', listen: '0.0.0.0:514', format: 'auto', rfc3164_timezone: 'UTC' },
      output: {
        type: 'nats',
        format: 'gelf',
        framing: 'noop',
        partition: 'new-york',
        nats_url: atSite.natsUrl,
        nats_subject: 'logs.syslog',
        nats_stream: 'events',
        nats_threads: 1,
        nats_timeout: 30000,
        nats_connect_attempts: 0,
        nats_tls_ca_file: CERTS.ca_file,
        nats_tls_cert: CERTS.cert_file,
        nats_tls_key: CERTS.key_file,
        nats_creds_file: CREDS,
        gelf_extra: { _tenant: 'acme', _site: 'new-york', _collector_host: 'collector-1.example.com' },
      },
    });
  });

  it('is of the default partition and no site at the hub', () => {
    const { output } = rendered('flowgger', atHub);
    expect(output).toMatchObject({ partition: 'default', nats_url: atHub.natsUrl, gelf_extra: { _tenant: 'acme' } });
    expect(output.gelf_extra).not.toHaveProperty('_site');
  });

  it('takes its overrides', () => {
    const overrides = { listen_addr: '[::1]:5514', transport: 'tcp', format: 'rfc5424', rfc3164_timezone: 'America/New_York', workers: 4, publish_timeout_ms: 5000 };
    expect(rendered('flowgger', atSite, overrides)).toMatchObject({
      input: { type: 'tcp', framing: 'line', listen: '[::1]:5514', format: 'rfc5424', rfc3164_timezone: 'America/New_York' },
      output: { nats_threads: 4, nats_timeout: 5000 },
    });
  });
});

describe('the configuration of trapd', () => {
  const common = {
    listen_addr: '0.0.0.0:162',
    nats_creds_file: CREDS,
    stream_name: 'events',
    subject: 'logs.snmp',
    nats_security: { mode: 'mtls', ...CERTS },
  };

  it("names the JetStream domain of its site's leaf", () => {
    expect(rendered('trapd')).toEqual({ ...common, nats_url: atSite.natsUrl, nats_domain: 'edge-new-york' });
  });

  it('names no domain at the hub', () => {
    expect(rendered('trapd', atHub)).toEqual({ ...common, nats_url: atHub.natsUrl });
  });

  it('takes its override', () => {
    expect(rendered('trapd', atSite, { listen_addr: '192.0.2.1:1162' })).toMatchObject({ listen_addr: '192.0.2.1:1162' });
  });
});

describe.each([
  ['netflow', 2055, 'events.netflow', { max_templates: 2000 }],
  ['sflow', 6343, 'flows.raw.sflow', {}],
] as const)('the configuration of %s', (type, port, subject, own) => {
  it('listens for flows and sends to the stream', () => {
    expect(rendered(type)).toEqual({
      listen_addr: `0.0.0.0:${port}`,
      buffer_size: 65536,
      channel_size: 10000,
      batch_size: 100,
      publish_timeout_ms: 5000,
      drop_policy: 'drop_oldest',
      ...own,
      nats_url: atSite.natsUrl,
      nats_creds_file: CREDS,
      stream_name: 'events',
      subject,
      partition: 'new-york',
      security: {
        mode: 'mtls',
        cert_dir: '/etc/serviceradar/certs',
        tls: { cert_file: 'collector.pem', key_file: 'collector-key.pem', ca_file: 'ca-chain.pem' },
      },
    });
  });

  it('is of the default partition at the hub', () => {
    expect(rendered(type, atHub)).toMatchObject({ partition: 'default', nats_url: atHub.natsUrl });
  });

  it('takes its overrides', () => {
    const overrides = { listen_addr: '127.0.0.1:9', buffer_size: 131072, channel_size: 5, batch_size: 7, publish_timeout_ms: 900, drop_policy: 'block', metrics_addr: '127.0.0.1:50046' };
    expect(rendered(type, atSite, overrides)).toMatchObject(overrides);
  });
});

describe('the configuration of otel', () => {
  const nats = { subject: 'otel', logs_subject: 'logs.otel', stream: 'events', timeout_secs: 30, creds_file: CREDS, tls: CERTS };

  it('listens for gRPC, not for HTTP, and sends to the stream', () => {
    expect(rendered('otel')).toEqual({
      server: { bind_address: '0.0.0.0', port: 4317, max_request_bytes: 67108864, http: { enabled: false } },
      nats: { ...nats, url: atSite.natsUrl },
    });
  });

  it('takes its overrides', () => {
    const { server, nats: output } = rendered('otel', atHub, { listen_addr: '[::]:14317', http_listen_addr: '127.0.0.1:4318', max_request_bytes: 65536, publish_timeout_secs: 5 });
    expect(server).toEqual({ bind_address: '[::]', port: 14317, max_request_bytes: 65536, http: { enabled: true, bind_address: '127.0.0.1', port: 4318 } });
    expect(output).toEqual({ ...nats, url: atHub.natsUrl, timeout_secs: 5 });
  });

  it('shows its certificate with tls server, and asks for one with tls mutual', () => {
    const { ca_file, ...own } = CERTS;
    expect(rendered('otel', atSite, { tls: 'server' }).grpc_tls).toEqual({ ...own, client_auth: 'none' });
    expect(rendered('otel', atSite, { tls: 'mutual' }).grpc_tls).toEqual({ ...own, ca_file, client_auth: 'required' });
  });
});

describe('the Helm values of falcosidekick', () => {
  it('send to the stream with the certificate and credentials of the secret', () => {
    const values = rendered('falcosidekick');
    expect(values.config).toEqual({
      debug: false,
      tlsclient: { cacertfile: CERTS.ca_file },
      mutualtlsclient: { certfile: CERTS.cert_file, keyfile: CERTS.key_file, cacertfile: CERTS.ca_file },
      nats: { hostport: atSite.natsUrl, subjecttemplate: 'falco.<priority>.<rule>', minimumpriority: 'debug', mutualtls: true, checkcert: true },
      extraEnv: [{ name: 'NATS_CREDSFILE', value: CREDS }],
    });
    expect(values.podAnnotations).toEqual({ 'serviceradar.io/tenant': 'acme', 'serviceradar.io/edge-site': 'new-york', 'serviceradar.io/host': 'collector-1.example.com' });
    expect(values).toMatchObject({ replicaCount: 2, podSecurityContext: { runAsUser: 1234, fsGroup: 1234 } });
    expect(values).not.toHaveProperty('image');
  });

  it('mount each file where the configuration names it', () => {
    const { extraVolumes, extraVolumeMounts, config } = rendered('falcosidekick');
    const mounted = extraVolumes.flatMap(({ name, secret }) => {
      expect(secret).toMatchObject({ secretName: 'serviceradar-falcosidekick', defaultMode: 0o440 });
      const { mountPath } = extraVolumeMounts.find((mount) => mount.name === name)!;
      return secret.items.map(({ path }) => `${mountPath}/${path}`);
    });
    const { certfile, keyfile, cacertfile } = config.mutualtlsclient;
    expect(mounted.toSorted()).toEqual([certfile, keyfile, cacertfile, config.extraEnv[0]!.value].toSorted());
  });

  it('take their overrides', () => {
    const values = rendered('falcosidekick', atHub, { minimum_priority: 'warning', replicas: 1, debug: true, image_tag: '2.33.0' });
    expect(values).toMatchObject({ replicaCount: 1, image: { tag: '2.33.0' }, config: { debug: true, nats: { minimumpriority: 'warning' } } });
    expect(values.podAnnotations).not.toHaveProperty(['serviceradar.io/edge-site']);
  });
});

describe.each(COLLECTOR_TYPES)('the texts of people in the configuration of %s', (type) => {
  const HOSTILE = ['a"b', '$(touch x)', '`touch x`', "'; rm -rf . #", '%n %%', '\\', '"""', "'''", '{{ .Values.x }}', '${HOME}', '- x: &a *b', 'no', '0x1', '1e3', '~', '# x', ' ', '\nnats_url = "x"\n', '\u0085', '😀'.repeat(200)];
  const named = (text: string) => rendered(type, { ...atSite, natsUrl: `tls://${text}`, hostname: text, siteSlug: text, tenantSlug: text });
  /** With every text of the name taken out; what is left is the structure. */
  const structure = (value: unknown, text: string): unknown => JSON.parse(JSON.stringify(value, (_, part: unknown) => (part === text || part === `tls://${text}` ? 'a text' : part)));

  it('are data, whatever they are', () => {
    const expected = structure(named('plain'), 'plain');
    for (const text of HOSTILE) expect(structure(named(text), text)).toEqual(expected);
    fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (text) => expect(structure(named(`x${text}`), `x${text}`)).toEqual(expected)));
  });
});

describe('overrides', () => {
  it.each(COLLECTOR_TYPES)('may be absent or empty: %s', (type) => {
    expect(checkOverrides(type, undefined)).toEqual({});
    expect(checkOverrides(type, {})).toEqual({});
  });

  it('are given back when they are right', () => {
    const overrides: Overrides = { listen_addr: '0.0.0.0:1514', format: 'rfc5424' };
    expect(checkOverrides('flowgger', overrides)).toEqual(overrides);
  });

  it.each([[null], ['x'], [1], [true], [[]]])('are refused as a whole when they are no object: %j', (overrides) => {
    expect(errorsOf('flowgger', overrides)).toEqual([expect.objectContaining({ pointer: '/config_overrides', code: 'is_object' })]);
  });

  it('are refused as a whole when they have more than 8 KB', () => {
    expect(errorsOf('flowgger', { format: 'x'.repeat(10_240) })).toEqual([expect.objectContaining({ pointer: '/config_overrides', code: 'too_large' })]);
    expect(pointersOf('flowgger', { format: 'é'.repeat(4_096) })).toEqual(['/config_overrides']);
    expect(pointersOf('flowgger', { format: 'x'.repeat(8_000) })).toEqual(['/config_overrides/format']);
  });

  it('are refused at once, each by its name', () => {
    const overrides = { nats_url: 'tls://evil:1', format: 'xml', workers: 0, listen_addr: '0.0.0.0:514', 'a/b~c': 1 };
    expect(errorsOf('flowgger', overrides).map(({ pointer, code }) => [pointer, code])).toEqual([
      ['/config_overrides/nats_url', 'unknown_field'],
      ['/config_overrides/format', 'invalid'],
      ['/config_overrides/workers', 'invalid'],
      ['/config_overrides/a~1b~0c', 'unknown_field'],
    ]);
    expect(errorsOf('flowgger', overrides)[1]!.detail).toBe('format is one of auto, rfc3164, rfc5424, gelf, ltsv.');
    expect(errorsOf('flowgger', overrides)[0]!.detail).toContain('"nats_url"');
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('have no name that every object has: %s', (name) => {
    expect(pointersOf('netflow', JSON.parse(`{"${name}": 1}`))).toEqual([`/config_overrides/${name}`]);
  });

  it.each([
    ['flowgger', 'listen_addr', ['0.0.0.0', '514', 'localhost:514', '0.0.0.0:0', '0.0.0.0:65536', '::1:514', '[::1]', 514, null, '0.0.0.0:514\n']],
    ['flowgger', 'transport', ['tls', 'UDP', '', 1]],
    ['flowgger', 'rfc3164_timezone', ['Nowhere/City', '+01:00', '', 5, 'UTC"']],
    ['flowgger', 'workers', [0, 65, 1.5, '4', NaN, true, [1]]],
    ['netflow', 'buffer_size', [1499, 1_048_577, '65536', {}]],
    ['sflow', 'drop_policy', ['drop', null]],
    ['netflow', 'max_samples_per_datagram', [1]],
    ['sflow', 'max_templates', [1]],
    ['otel', 'tls', ['none', true]],
    ['otel', 'http_listen_addr', ['4318', 4318]],
    ['falcosidekick', 'minimum_priority', ['info', '', 3]],
    ['falcosidekick', 'debug', ['true', 1, null]],
    ['falcosidekick', 'image_tag', ['', 'a b', 'a:b', '-a', 'x'.repeat(129), 2]],
    ['falcosidekick', 'replicas', [0, 21]],
    ['trapd', 'workers', [2]],
  ] as const)('of %s are refused for %s that is none', (type, name, values) => {
    for (const value of values) expect(pointersOf(type, { [name]: value })).toEqual([`/config_overrides/${name}`]);
  });

  it('that were stored and are no longer known change nothing', () => {
    expect(parse('trapd', renderCollectorConfiguration({ type: 'trapd', ...atSite, overrides: { workers: 2 } }))).toEqual(rendered('trapd'));
  });
});
