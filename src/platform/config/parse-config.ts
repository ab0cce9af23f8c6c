import { isIPv6 } from 'node:net';
import { isEmail } from 'class-validator';
import { Secret } from '#libs/kernel';
import { SITES_PER_STREAM } from '#libs/nats';
import { type Config, ENVIRONMENTS, LOG_LEVELS, PROCESS_ROLES } from './config.js';
import { oidcFrom } from './oidc.js';
import { tracingFrom } from './tracing.js';
import { address, Environment, type Format, host, networks, oneOf, path, port, Refusal, setOf, url, wholeNumber } from './environment.js';

const ENCRYPTION_KEY_BYTES = 32;

/** Of 32 random bytes, some 30 differ; of 32 random hexadecimal digits, some 14. */
const MIN_DISTINCT_BYTES = 16;
const MIN_DISTINCT_CHARACTERS = 6;

/**
 * Reads the configuration from the environment's variables.
 *
 * @param env as `process.env`; an empty value counts as none
 * @throws DomainError `invalid_configuration` that names every variable that is wrong, and repeats no secret
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const environment = new Environment(env);
  const read = environment.read.bind(environment);

  const listen = { host: read('HOST', host) ?? '127.0.0.1', port: read('PORT', port) ?? 3000 };
  const hubLeafPort = read('HUB_LEAF_PORT', port) ?? 7422;
  const agentHeartbeat = read('AGENT_HEARTBEAT', wholeNumber(1, 3_600)) ?? 30;
  const gatewayPort = read('GATEWAY_PORT', port) ?? 50_052;
  const natsUrl = read('NATS_URL', address('nats', 'tls'));
  const config: Config = {
    environment: read('NODE_ENV', oneOf(ENVIRONMENTS)) ?? 'development',
    ...listen,
    metricsPort: read('METRICS_PORT', port),
    publicUrl: read('PUBLIC_URL', publicUrl) ?? defaultPublicUrl(listen),
    dataDir: read('DATA_DIR', path) ?? '.data',
    databaseUrl: read('DATABASE_URL', secretUrl('postgres', 'postgresql')),
    databaseOwnerUrl: read('DATABASE_OWNER_URL', secretUrl('postgres', 'postgresql')),
    queueUrl: read('QUEUE_URL', secretUrl('redis', 'rediss', 'postgres', 'postgresql')),
    natsUrl,
    natsPublicUrl: read('NATS_PUBLIC_URL', address('tls', 'nats')),
    natsServer: read('NATS_SERVER', path),
    hubClientPort: read('HUB_CLIENT_PORT', port) ?? 4222,
    hubLeafPort,
    natsLeafUpstreamUrl:
      read('NATS_LEAF_UPSTREAM_URL', address('tls', 'nats', 'nats-leaf')) ??
      (hubLeafPort === 0 || natsUrl !== undefined ? undefined : `tls://127.0.0.1:${hubLeafPort}`),
    gatewayPort,
    gatewayAddress: read('GATEWAY_ADDRESS', hostAndPort) ?? (gatewayPort === 0 ? undefined : `${reachable(listen.host)}:${gatewayPort}`),
    agentHeartbeat,
    agentSilence: 3_000 * agentHeartbeat,
    gatewayRateLimit: read('GATEWAY_RATE_LIMIT', calls) ?? 1_200,
    gatewayStreamIdle: read('GATEWAY_STREAM_IDLE', wholeNumber(1, 86_400)) ?? 300,
    sitesPerStream: read('SITES_PER_STREAM', wholeNumber(1, 1000)) ?? SITES_PER_STREAM,
    roles: read('ROLES', setOf(PROCESS_ROLES)) ?? PROCESS_ROLES,
    bootstrapAdminKey: read('BOOTSTRAP_ADMIN_KEY', apiKey),
    oidc: oidcFrom(environment),
    encryptionKeys: read('ENCRYPTION_KEYS', encryptionKeys),
    trustedProxies: read('TRUSTED_PROXIES', networks) ?? [],
    corsOrigins: read('CORS_ORIGINS', origins) ?? [],
    mail: mailFrom(environment),
    alertHold: read('ALERT_HOLD', wholeNumber(0, 3_600)) ?? 120,
    alertNetworks: read('ALERT_NETWORKS', networks) ?? [],
    rateLimits: {
      key: read('RATE_LIMIT_KEY', calls) ?? 6_000,
      address: read('RATE_LIMIT_ADDRESS', calls) ?? 12_000,
      download: read('RATE_LIMIT_DOWNLOAD', calls) ?? 120,
      authentication: read('RATE_LIMIT_AUTHENTICATION', calls) ?? 30,
    },
    rootCaCertFile: read('ROOT_CA_CERT_FILE', path),
    rootCaKeyFile: read('ROOT_CA_KEY_FILE', path),
    tracing: tracingFrom(environment),
    logLevel: read('LOG_LEVEL', oneOf(LOG_LEVELS)) ?? 'info',
  };
  refuseMisfits(environment, config);
  environment.assertAccepted();
  return deepFreeze(config);
}

/** Neither does anything without the other. */
function mailFrom(environment: Environment): Config['mail'] {
  const smtpUrl = environment.read('SMTP_URL', secretUrl('smtp', 'smtps'));
  const from = environment.read('MAIL_FROM', mailAddress);
  for (const [name, other] of [['SMTP_URL', 'MAIL_FROM'], ['MAIL_FROM', 'SMTP_URL']] as const) {
    if (environment.has(name) && !environment.has(other)) environment.refuse(other, `is missing: it is given with ${name}`);
  }
  return smtpUrl === undefined || from === undefined ? undefined : { smtpUrl, from };
}

/** What is right by itself but does not fit with the rest. */
function refuseMisfits(environment: Environment, config: Config): void {
  if (config.environment === 'production') {
    for (const name of ['DATABASE_URL', 'NATS_URL', 'ENCRYPTION_KEYS', 'PUBLIC_URL'] as const) {
      if (!environment.has(name)) environment.refuse(name, 'is required in production');
    }
    refuseWeakSecrets(environment, config);
  }
  if (environment.has('NATS_URL') && !environment.has('NATS_LEAF_UPSTREAM_URL')) {
    environment.refuse('NATS_LEAF_UPSTREAM_URL', 'is required with NATS_URL: leaves must know what to dial');
  }
  if (!environment.has('DATABASE_URL')) {
    const needsDatabase = 'needs DATABASE_URL: the embedded PostgreSQL has logins of its own';
    if (environment.has('DATABASE_OWNER_URL')) environment.refuse('DATABASE_OWNER_URL', needsDatabase);
    if (config.queueUrl?.reveal().startsWith('postgres')) environment.refuse('QUEUE_URL', needsDatabase);
  }
  if ((config.rootCaCertFile === undefined) !== (config.rootCaKeyFile === undefined)) {
    const missing = config.rootCaCertFile === undefined ? 'ROOT_CA_CERT_FILE' : 'ROOT_CA_KEY_FILE';
    environment.refuse(missing, 'is missing: a root CA is brought with certificate and key');
  }
  const localHub = environment.has('NATS_URL') ? {} : { HUB_CLIENT_PORT: config.hubClientPort, HUB_LEAF_PORT: config.hubLeafPort };
  refuseSharedPorts(environment, { PORT: config.port, METRICS_PORT: config.metricsPort, GATEWAY_PORT: config.gatewayPort, ...localHub });
}

/** What was made up by hand, or copied from an example, is no secret. Of random ones, fewer than one in 10^12 is refused. */
function refuseWeakSecrets(environment: Environment, { encryptionKeys, bootstrapAdminKey }: Config): void {
  const weak = encryptionKeys?.filter(({ key }) => isWeakKey(key.reveal())).map(({ id }) => `"${id}"`) ?? [];
  if (weak.length > 0) {
    environment.refuse('ENCRYPTION_KEYS', `must hold 32 random bytes for each key, as of openssl rand -base64 32; not so ${weak.join(', ')}`);
  }
  const secret = bootstrapAdminKey?.reveal().split('_').slice(2).join('_');
  if (secret !== undefined && new Set(secret).size < MIN_DISTINCT_CHARACTERS) {
    environment.refuse('BOOTSTRAP_ADMIN_KEY', 'must hold a random secret, as of openssl rand -hex 32');
  }
}

/** Text, few different bytes, or bytes that go up or down in equal steps. */
function isWeakKey(key: Buffer): boolean {
  const isText = key.every((byte) => byte >= 0x20 && byte < 0x7f);
  const steps = new Set(key.subarray(1).map((byte, at) => byte - key[at]!));
  return isText || new Set(key).size < MIN_DISTINCT_BYTES || steps.size === 1;
}

type PortVariable = 'PORT' | 'METRICS_PORT' | 'GATEWAY_PORT' | 'HUB_CLIENT_PORT' | 'HUB_LEAF_PORT';

function refuseSharedPorts(environment: Environment, ports: Partial<Record<PortVariable, number>>): void {
  const taken = new Map<number | undefined, string>();
  for (const [name, number] of Object.entries(ports) as [PortVariable, number | undefined][]) {
    const other = taken.get(number);
    if (number && other !== undefined) environment.refuse(name, `is ${number}, and so is ${other}`);
    taken.set(number, name);
  }
}

/** A minute. */
const calls = wholeNumber(0, 1_000_000);

const secretUrl =
  (...schemes: string[]): Format<Secret> =>
  (text) => {
    url(...schemes)(text);
    return new Secret(text);
  };

const publicUrl: Format<string> = (text) => {
  const { username, password, search, hash, href } = url('http', 'https')(text);
  if (username || password || search || hash) throw new Refusal('must hold no user name, password, query or fragment');
  return href.replace(/(?<!\/)\/+$/, '');
};

/** As browsers write them in the header Origin. `*` is none: who may call is named. */
const origins: Format<readonly string[]> = (text) => text.split(',').map((entry) => new URL(address('https', 'http')(entry.trim())).origin);

function defaultPublicUrl({ host, port }: Pick<Config, 'host' | 'port'>): string | undefined {
  if (port === 0) return undefined;
  return `http://${reachable(host)}:${port}`;
}

/** As it stands before a port. */
function reachable(host: string): string {
  const address = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return isIPv6(address) ? `[${address}]` : address;
}

const mailAddress: Format<string> = (text) => {
  if (!isEmail(text)) throw new Refusal('must be an e-mail address');
  return text;
};

const hostAndPort: Format<string> = (text) => {
  const { port } = new URL(address('tcp')(`tcp://${text}`));
  if (port === '') throw new Refusal('must be a host and a port, host:port');
  return text;
};

const apiKey: Format<Secret> = (text) => {
  if (!/^sr_[A-Za-z0-9]{8,32}_[A-Za-z0-9_-]{32,128}$/.test(text)) {
    throw new Refusal('must be sr_<id of 8 to 32 letters and digits>_<secret of 32 to 128 letters, digits, hyphens and underscores>');
  }
  return new Secret(text);
};

const encryptionKeys: Format<{ id: string; key: Secret<Buffer> }[]> = (text) => {
  const keys = text.split(',').map((entry, at) => encryptionKey(entry.trim(), at + 1));
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw new Refusal('uses a key id twice');
  return keys;
};

function encryptionKey(entry: string, number: number): { id: string; key: Secret<Buffer> } {
  const [, id, encoded] = /^([a-z0-9-]{1,16}):([A-Za-z0-9+/]+={0,2})$/.exec(entry) ?? [];
  if (id === undefined || encoded === undefined) {
    throw new Refusal(`must be id:base64 entries separated by commas, ids of a-z, 0-9 and hyphens; entry ${number} is not`);
  }
  const key = Buffer.from(encoded, 'base64');
  if (key.length !== ENCRYPTION_KEY_BYTES) {
    throw new Refusal(`must hold keys of ${ENCRYPTION_KEY_BYTES} bytes; entry ${number} has ${key.length}`);
  }
  return { id, key: new Secret(key) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof Secret)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
