import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { DomainError } from '#libs/kernel';
import { CONFIG_VARIABLES, type ConfigVariableName } from './variables.js';
import { parseConfig } from './parse-config.js';

type Env = Partial<Record<ConfigVariableName, string>>;

/** As good as a random one, and the same each time. */
const key = (byte: number) => Buffer.concat([Buffer.from([byte]), createHash('sha256').update(`${byte}`).digest().subarray(1)]).toString('base64');

function refusal(env: Env): DomainError | undefined {
  try {
    parseConfig(env);
    return undefined;
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'invalid_configuration') throw error;
    return error;
  }
}

/** The variables that were refused, in order of appearance. */
function refused(env: Env): string[] {
  const { message = '', errors = [] } = refusal(env) ?? {};
  for (const { pointer, detail } of errors) {
    expect(detail.startsWith(`${pointer.slice(1)} `)).toBe(true);
    expect(message).toContain(detail);
  }
  return errors.map(({ pointer }) => pointer.slice(1));
}

const production: Env = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://edge.example',
  DATABASE_URL: 'postgres://app:pw@db.example/edge',
  NATS_URL: 'tls://hub.example:4222',
  NATS_LEAF_UPSTREAM_URL: 'tls://hub.example:7422',
  ENCRYPTION_KEYS: `2026:${key(1)}`,
};

describe('the configuration', () => {
  describe('of an empty environment', () => {
    it('is that of a development server with everything embedded', () => {
      expect(parseConfig({})).toEqual({
        environment: 'development',
        host: '127.0.0.1',
        port: 3000,
        metricsPort: undefined,
        tracing: undefined,
        gatewayPort: 50_052,
        gatewayAddress: '127.0.0.1:50052',
        publicUrl: 'http://127.0.0.1:3000',
        dataDir: '.data',
        databaseUrl: undefined,
        databaseOwnerUrl: undefined,
        queueUrl: undefined,
        natsUrl: undefined,
        natsServer: undefined,
        trustedProxies: [],
        corsOrigins: [],
        mail: undefined,
        alertNetworks: [],
        alertHold: 120,
        rootCaCertFile: undefined,
        rootCaKeyFile: undefined,
        hubClientPort: 4222,
        hubLeafPort: 7422,
        natsLeafUpstreamUrl: 'tls://127.0.0.1:7422',
        agentHeartbeat: 30,
        agentSilence: 90_000,
        gatewayRateLimit: 1_200,
        gatewayStreamIdle: 300,
        sitesPerStream: 50,
        roles: ['api', 'worker', 'gateway', 'monitor'],
        bootstrapAdminKey: undefined,
        oidc: undefined,
        encryptionKeys: undefined,
        rateLimits: { key: 6_000, address: 12_000, download: 120, authentication: 30 },
        logLevel: 'info',
      });
    });

    it('is the same when every variable is there but empty', () => {
      const empty = Object.fromEntries(CONFIG_VARIABLES.map(({ name }) => [name, ' ']));
      expect(parseConfig(empty)).toEqual(parseConfig({}));
    });

    it('cannot be changed, at no depth', () => {
      const config = parseConfig(production);
      expect(Object.isFrozen(config)).toBe(true);
      expect(Object.isFrozen(config.roles)).toBe(true);
      expect(Object.isFrozen(config.encryptionKeys)).toBe(true);
      expect(Object.isFrozen(config.encryptionKeys?.[0])).toBe(true);
    });
  });

  describe('of a full environment', () => {
    it('has every value', () => {
      const admin = 'sr_0123456789abcdef_LrTq0fZxv6m3Yb9cKd2WnE8uHs5PjGaQ7iXoM1tBkRy';
      const config = parseConfig({
        ...production,
        HOST: '::',
        PORT: '8080',
        PUBLIC_URL: 'https://edge.example/base/',
        DATA_DIR: '/var/lib/edge',
        DATABASE_OWNER_URL: 'postgresql://owner:pw@db.example/edge',
        QUEUE_URL: 'rediss://queue.example:6380/1',
        ROLES: 'worker, api',
        ENCRYPTION_KEYS: `2026:${key(1)}, 2025:${key(2)}`,
        BOOTSTRAP_ADMIN_KEY: admin,
        LOG_LEVEL: 'debug',
        NATS_SERVER: '/opt/nats/nats-server',
        OIDC_ISSUER: 'https://login.example/realms/edge/',
        OIDC_AUDIENCE: 'https://edge.example/api',
        OIDC_ROLES: 'edge-admins=admin, CN=Edge=viewer,edge-platform = platform_admin',
        OIDC_ROLES_CLAIM: 'realm_access.roles',
        OIDC_TENANT_CLAIM: 'https://edge.example/tenant',
        TRUSTED_PROXIES: '10.0.0.0/8, ::1',
        CORS_ORIGINS: 'https://console.example, https://Other.example:443/',
        ROOT_CA_CERT_FILE: '/etc/serviceradar/root.pem',
        ROOT_CA_KEY_FILE: '/etc/serviceradar/root-key.pem',
        HUB_CLIENT_PORT: '0',
        HUB_LEAF_PORT: '65535',
        AGENT_HEARTBEAT: '1',
        GATEWAY_RATE_LIMIT: '0',
        GATEWAY_STREAM_IDLE: '60',
        SITES_PER_STREAM: '20',
        RATE_LIMIT_KEY: '100',
        RATE_LIMIT_ADDRESS: '0',
        RATE_LIMIT_DOWNLOAD: '5',
        RATE_LIMIT_AUTHENTICATION: '1000000',
      });
      expect(config).toMatchObject({
        environment: 'production',
        host: '::',
        port: 8080,
        publicUrl: 'https://edge.example/base',
        dataDir: '/var/lib/edge',
        natsUrl: 'tls://hub.example:4222',
        natsLeafUpstreamUrl: 'tls://hub.example:7422',
        natsServer: '/opt/nats/nats-server',
        oidc: {
          issuer: 'https://login.example/realms/edge/',
          audience: 'https://edge.example/api',
          roles: [
            { value: 'edge-admins', role: 'admin' },
            { value: 'CN=Edge', role: 'viewer' },
            { value: 'edge-platform', role: 'platform_admin' },
          ],
          rolesClaim: 'realm_access.roles',
          tenantClaim: 'https://edge.example/tenant',
        },
        trustedProxies: ['10.0.0.0/8', '::1'],
        corsOrigins: ['https://console.example', 'https://other.example'],
        rootCaCertFile: '/etc/serviceradar/root.pem',
        rootCaKeyFile: '/etc/serviceradar/root-key.pem',
        hubClientPort: 0,
        hubLeafPort: 65535,
        agentHeartbeat: 1,
        agentSilence: 3_000,
        gatewayRateLimit: 0,
        gatewayStreamIdle: 60,
        sitesPerStream: 20,
        rateLimits: { key: 100, address: 0, download: 5, authentication: 1_000_000 },
        roles: ['worker', 'api'],
        logLevel: 'debug',
      });
      expect(config.databaseUrl?.reveal()).toBe(production.DATABASE_URL);
      expect(config.databaseOwnerUrl?.reveal()).toBe('postgresql://owner:pw@db.example/edge');
      expect(config.queueUrl?.reveal()).toBe('rediss://queue.example:6380/1');
      expect(config.bootstrapAdminKey?.reveal()).toBe(admin);
      expect(config.encryptionKeys?.map(({ id, key }) => [id, key.reveal()[0]])).toEqual([
        ['2026', 1],
        ['2025', 2],
      ]);
    });

    it('shows no secret when it is printed', () => {
      const admin = 'sr_0123456789abcdef_LrTq0fZxv6m3Yb9cKd2WnE8uHs5PjGaQ7iXoM1tBkRy';
      const config = parseConfig({ ...production, BOOTSTRAP_ADMIN_KEY: admin });
      const printed = inspect(config, { depth: 9 }) + JSON.stringify(config);
      expect(printed).toContain('[redacted]');
      for (const secret of [':pw@', key(1), 'LrTq0']) expect(printed).not.toContain(secret);
    });
  });

  describe('with addresses that are known only once something listens', () => {
    it('leaves them open', () => {
      expect(parseConfig({ PORT: '0', HUB_LEAF_PORT: '0' })).toMatchObject({ publicUrl: undefined, natsLeafUpstreamUrl: undefined });
    });
  });

  it.each([
    ['0.0.0.0', 'http://127.0.0.1:3000'],
    ['::', 'http://[::1]:3000'],
    ['fd00::5', 'http://[fd00::5]:3000'],
    ['edge.example', 'http://edge.example:3000'],
  ])('says of a server on %s that it is reached at %s', (HOST, publicUrl) => {
    expect(parseConfig({ HOST }).publicUrl).toBe(publicUrl);
  });

  it('says that agents dial the port that the gateway listens on, which is not known when it may be any', () => {
    expect(parseConfig({ HOST: '::', GATEWAY_PORT: '6000' }).gatewayAddress).toBe('[::1]:6000');
    expect(parseConfig({ GATEWAY_PORT: '0' }).gatewayAddress).toBeUndefined();
    expect(parseConfig({ GATEWAY_PORT: '0', GATEWAY_ADDRESS: 'gateway.example:443' }).gatewayAddress).toBe('gateway.example:443');
  });

  const NONSENSE: Record<ConfigVariableName, string[]> = {
    NODE_ENV: ['prod', 'Production', 'toString'],
    HOST: ['a b', '256.1.1.1', '[::1]', 'http://x', '-a.example', '127.0.0.1:80'],
    PORT: ['65536', '-1', '3000a', '1e3', '0x10', '3.5', 'NaN'],
    PUBLIC_URL: ['edge.example', 'ftp://edge.example', 'https://', 'https://u:p@edge.example', 'https://e.example/?a=1', 'https://e.example/#a'],
    DATA_DIR: ['a\u0000b', 'a\nb'],
    DATABASE_URL: ['db.example', 'mysql://db.example/x', 'postgres:///edge', 'postgres://'],
    DATABASE_OWNER_URL: ['db.example', 'mysql://db.example/x'],
    QUEUE_URL: ['redis', 'amqp://queue.example', 'redis://'],
    NATS_URL: ['hub.example', 'http://hub.example', 'nats://u:p@hub.example', 'tls://hub.example/path', 'tls://hub.example?x=1'],
    GATEWAY_ADDRESS: ['gateway.example', 'tls://gateway.example:1', 'a b:1', 'gateway.example:99999', 'gateway.example:1/x'],
    NATS_PUBLIC_URL: ['hub.example', 'http://hub.example', 'nats://u:p@hub.example', 'tls://hub.example/path'],
    NATS_SERVER: ['a\tb'],
    OIDC_ISSUER: ['login.example', 'ftp://login.example', 'http://login.example', 'http://127.0.0.1.login.example', 'https://u:p@login.example', 'https://login.example/?a=1', 'https://login.example/#a'],
    OIDC_AUDIENCE: ['a\nb', 'a'.repeat(256)],
    OIDC_ROLES: ['admin', 'edge-admins=root', '=admin', 'a=admin,', 'a=admin,a=viewer', 'a=toString', 'a\u0000=admin'],
    OIDC_ROLES_CLAIM: ['a\tb', 'a'.repeat(256)],
    OIDC_TENANT_CLAIM: ['a\u0007b'],
    TRUSTED_PROXIES: ['everybody', '10.0.0.0/33', '10.0.0.0/', '::1/129'],
    CORS_ORIGINS: ['*', 'console.example', 'https://console.example/path', 'https://a.example,', 'null'],
    ROOT_CA_CERT_FILE: ['a\nb'],
    ROOT_CA_KEY_FILE: ['a\tb'],
    METRICS_PORT: ['x', '70000', '-1'],
    GATEWAY_PORT: ['x', '70000', '-1'],
    HUB_CLIENT_PORT: ['x', '70000'],
    HUB_LEAF_PORT: ['x', '70000'],
    NATS_LEAF_UPSTREAM_URL: ['hub.example:7422', 'https://hub.example', 'tls://u:p@hub.example:7422', 'tls://hub.example:99999'],
    AGENT_HEARTBEAT: ['0', '3601', '1.5', 'often'],
    GATEWAY_RATE_LIMIT: ['-1', 'many', '1.5'],
    GATEWAY_STREAM_IDLE: ['0', '1e3', '86401'],
    SITES_PER_STREAM: ['0', '1001', '-1', '1.5', 'many'],
    SMTP_URL: ['mail.example', 'http://mail.example', 'smtp://'],
    MAIL_FROM: ['alerts', 'a@b@c', 'Alerts <alerts@edge.example>', 'a@edge.example\nBcc: b@edge.example'],
    ALERT_HOLD: ['-1', '3601', 'soon'],
    ALERT_NETWORKS: ['office', '10.0.0.0/33', '10.0.0.0/'],
    RATE_LIMIT_KEY: ['-1', '1.5', 'none', '1000001'],
    RATE_LIMIT_ADDRESS: ['-1', '1e3'],
    RATE_LIMIT_DOWNLOAD: ['-1', '1/s'],
    RATE_LIMIT_AUTHENTICATION: ['-1', 'off'],
    ROLES: ['api,', 'apis', 'api,api', ','],
    BOOTSTRAP_ADMIN_KEY: ['admin', 'sr_short_x', `sr_0123456789abcdef_${'s'.repeat(31)}`, `sr_0123456789abcdef_${'s'.repeat(42)}!`],
    ENCRYPTION_KEYS: ['x', key(1), `A:${key(1)}`, `a:${key(1)},a:${key(2)}`, `a:${Buffer.alloc(16).toString('base64')}`, `a:${key(1)},`, 'a:!!!'],
    OTEL_EXPORTER_OTLP_ENDPOINT: ['collector:4318', 'grpc://collector:4317', 'http://u:p@collector:4318', 'http://collector:4318/?token=x'],
    OTEL_EXPORTER_OTLP_HEADERS: ['authorization', '=x', 'a b=c', 'authorization=%zz', 'authorization=%0d%0aX: y', 'a=b,'],
    OTEL_SERVICE_NAME: ['a\nb', 'a'.repeat(256)],
    OTEL_TRACES_SAMPLER_ARG: ['-1', '1.5', '50%', 'all', '1e-3'],
    LOG_LEVEL: ['loud', 'INFO'],
  };
  const oidc = { OIDC_ISSUER: 'https://login.example', OIDC_AUDIENCE: 'edge', OIDC_ROLES: 'edge-admins=admin' };
  const mail = { SMTP_URL: 'smtps://edge:hunter2@mail.example', MAIL_FROM: 'alerts@edge.example' };
  const fitting: Env = { DATABASE_URL: 'postgres://db.example/edge', NATS_LEAF_UPSTREAM_URL: 'tls://hub.example', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', ...oidc, ...mail };

  describe.each(Object.entries(NONSENSE) as [ConfigVariableName, string[]][])('with nonsense in %s', (name, values) => {
    it.each(values)('refuses %j and names the variable', (value) => {
      expect(refused({ ...fitting, [name]: value })).toEqual([name]);
    });
  });

  it('says where traces go, and what lets in there', () => {
    const { tracing } = parseConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otel.example/edge/', OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20hunter2, x-scope = a=b', OTEL_TRACES_SAMPLER_ARG: '0.25' });
    expect(tracing).toMatchObject({ endpoint: 'https://otel.example/edge', serviceName: 'serviceradar-edge', ratio: 0.25 });
    expect(tracing!.headers!.reveal()).toEqual({ authorization: 'Bearer hunter2', 'x-scope': 'a=b' });
    expect(inspect(tracing, { depth: 9 })).not.toContain('hunter2');
  });

  it('names all that is wrong at once', () => {
    expect(refused({ PORT: 'x', LOG_LEVEL: 'y', ROLES: 'z', HOST: '?' }).sort()).toEqual(['HOST', 'LOG_LEVEL', 'PORT', 'ROLES']);
  });

  it('repeats no secret of a refused value', () => {
    const env: Env = {
      DATABASE_URL: 'mysql://app:hunter2@db.example/x',
      QUEUE_URL: 'amqp://q:hunter2@queue.example',
      NATS_URL: 'nats://hub:hunter2@hub.example',
      BOOTSTRAP_ADMIN_KEY: 'sr_hunter2',
      ENCRYPTION_KEYS: 'hunter2',
      PUBLIC_URL: 'https://u:hunter2@edge.example',
    };
    expect(refused(env)).toEqual(expect.arrayContaining(Object.keys(env)));
    expect(inspect(refusal(env), { depth: 9 })).not.toContain('hunter2');
  });

  describe('whose parts do not fit together', () => {
    it.each(['DATABASE_URL', 'NATS_URL', 'ENCRYPTION_KEYS', 'PUBLIC_URL'] as const)('in production without %s is refused', (name) => {
      expect(refused(production)).toEqual([]);
      expect(refused({ ...production, [name]: undefined })).toEqual([name]);
    });

    it.each([
      ['zeros', Buffer.alloc(32)],
      ['a passphrase', Buffer.from('correct horse battery staple 123')],
      ['hexadecimal text', Buffer.from('00f1e2d3c4b5a6978879605142332415')],
      ['a few bytes over and over', Buffer.from('00ff10fe'.repeat(8), 'hex')],
      ['bytes that count', Buffer.from(Array.from({ length: 32 }, (_, at) => at))],
    ])('in production with an encryption key of %s is refused, which is named', (_what, weak) => {
      const ENCRYPTION_KEYS = `2026:${key(1)},old:${weak.toString('base64')}`;
      expect(refused({ ...production, ENCRYPTION_KEYS })).toEqual(['ENCRYPTION_KEYS']);
      const { message } = refusal({ ...production, ENCRYPTION_KEYS })!;
      expect(message).toContain('not so "old"');
      expect(message).not.toContain(weak.toString('base64'));
      expect(refused({ ENCRYPTION_KEYS })).toEqual([]);
    });

    it('in production with an admin key that was made up is refused', () => {
      const made = { BOOTSTRAP_ADMIN_KEY: `sr_0123456789abcdef_${'ab_'.repeat(12)}` };
      expect(refused({ ...production, ...made })).toEqual(['BOOTSTRAP_ADMIN_KEY']);
      expect(refused(made)).toEqual([]);
    });

    it.each([
      ['Dockerfile', /docker run .*/],
      ['docs/DEPLOYMENT.md', /refuses to start without [^]*?, makes/],
    ])('in production needs what %s says', (file, where) => {
      const [text] = where.exec(readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8'))!;
      for (const name of [...refused({ NODE_ENV: 'production' }), 'NATS_LEAF_UPSTREAM_URL']) expect(text).toContain(name);
    });

    it.each<[string, Env, string]>([
      ['headers for a collector that is not there', { OTEL_EXPORTER_OTLP_HEADERS: 'a=b' }, 'OTEL_EXPORTER_OTLP_HEADERS'],
      ['a share of no traces', { OTEL_TRACES_SAMPLER_ARG: '0.5' }, 'OTEL_TRACES_SAMPLER_ARG'],
      ['a hub by URL without what leaves dial', { NATS_URL: 'tls://hub.example' }, 'NATS_LEAF_UPSTREAM_URL'],
      ['an owner without a database', { DATABASE_OWNER_URL: 'postgres://db.example/edge' }, 'DATABASE_OWNER_URL'],
      ['a queue on a PostgreSQL of its own without a database', { QUEUE_URL: 'postgres://db.example/edge' }, 'QUEUE_URL'],
      ['one port for the clients and the leaves of the hub', { HUB_CLIENT_PORT: '5000', HUB_LEAF_PORT: '5000' }, 'HUB_LEAF_PORT'],
      ['one port for the API and the metrics', { PORT: '5000', METRICS_PORT: '5000', NATS_URL: 'tls://hub.example', NATS_LEAF_UPSTREAM_URL: 'tls://hub.example' }, 'METRICS_PORT'],
      ['one port for the gateway and the hub', { GATEWAY_PORT: '7422' }, 'HUB_LEAF_PORT'],
      ['one port for the metrics and the hub', { METRICS_PORT: '7422' }, 'HUB_LEAF_PORT'],
      ['one port for the API and the hub', { PORT: '4222' }, 'HUB_CLIENT_PORT'],
    ])('refuses %s', (_what, env, name) => {
      expect(refused(env)).toEqual([name]);
    });

    it.each(['SMTP_URL', 'MAIL_FROM'] as const)('refuses to mail without %s', (name) => {
      expect(refused({ ...mail, [name]: '' })).toEqual([name]);
      expect(refused(mail)).toEqual([]);
    });

    it.each(['OIDC_AUDIENCE', 'OIDC_ROLES'] as const)('refuses an issuer without %s', (name) => {
      expect(refused({ ...oidc, [name]: '' })).toEqual([name]);
    });

    it.each(['OIDC_AUDIENCE', 'OIDC_ROLES', 'OIDC_ROLES_CLAIM', 'OIDC_TENANT_CLAIM'] as const)('refuses %s without an issuer', (name) => {
      expect(refused({ [name]: 'edge-admins=admin' })).toEqual([name]);
    });

    it.each(['http://127.0.0.1:8080', 'http://localhost/realms/edge', 'http://[::1]:1', 'https://login.example:8443/a'])('takes %s for an issuer', (OIDC_ISSUER) => {
      expect(parseConfig({ ...oidc, OIDC_ISSUER }).oidc).toMatchObject({ issuer: OIDC_ISSUER, rolesClaim: 'roles', tenantClaim: 'tenant' });
    });

    it('takes a queue on Redis beside the embedded database, and any free port four times', () => {
      expect(refused({ QUEUE_URL: 'redis://queue.example', PORT: '0', METRICS_PORT: '0', HUB_CLIENT_PORT: '0', HUB_LEAF_PORT: '0' })).toEqual([]);
    });
  });
});
