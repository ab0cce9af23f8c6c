interface ConfigVariable {
  name: string;
  /** What it decides, in a phrase; Markdown. */
  meaning: string;
  /** What holds without it, as people read it; Markdown. */
  default: string;
}

/** Every variable that the process reads, in the order of the README's table. An empty value counts as none. */
export const CONFIG_VARIABLES = [
  { name: 'NODE_ENV', meaning: '`development`, `test` or `production`', default: '`development`' },
  { name: 'HOST', meaning: 'Address the API listens on', default: '`127.0.0.1`' },
  { name: 'PORT', meaning: 'Port the API listens on; 0 is any free port', default: '`3000`' },
  { name: 'METRICS_PORT', meaning: 'Port of `HOST` that `GET /metrics` is served on, for Prometheus; 0 is any free port', default: 'it is not served' },
  { name: 'PUBLIC_URL', meaning: 'What sites reach the API by; curl lines start with it; required in production', default: '`http://<HOST>:<PORT>`' },
  { name: 'DATA_DIR', meaning: 'Where the embedded servers and generated keys are kept', default: '`.data`' },
  {
    name: 'DATABASE_URL',
    meaning: "PostgreSQL, as the service's role, or as the owner without `DATABASE_OWNER_URL`; required in production",
    default: 'an embedded PostgreSQL',
  },
  { name: 'DATABASE_OWNER_URL', meaning: 'PostgreSQL, as the owner: migrations run as it', default: '`DATABASE_URL`' },
  {
    name: 'QUEUE_URL',
    meaning: '`redis://` or `rediss://` moves the job queue there; `postgres://` is the login of the queue',
    default: 'the server of `DATABASE_URL`',
  },
  { name: 'NATS_URL', meaning: 'The hub; required in production', default: 'a local hub' },
  { name: 'NATS_PUBLIC_URL', meaning: 'The hub as collectors reach it that belong to no site: `tls://` or `nats://`', default: '`NATS_URL`, or the local hub' },
  { name: 'NATS_SERVER', meaning: 'Path of the `nats-server` that the local hub runs', default: '`nats-server` on the PATH' },
  { name: 'HUB_CLIENT_PORT', meaning: 'Port of the local hub for clients; 0 is any free port', default: '`4222`' },
  { name: 'HUB_LEAF_PORT', meaning: 'Port of the local hub for leaves; 0 is any free port', default: '`7422`' },
  {
    name: 'NATS_LEAF_UPSTREAM_URL',
    meaning: 'What leaves dial: `tls://`, `nats://` or `nats-leaf://`; required with `NATS_URL`',
    default: '`tls://127.0.0.1:<HUB_LEAF_PORT>`',
  },
  { name: 'GATEWAY_PORT', meaning: 'Port of `HOST` that the gateway of agents listens on; 0 is any free port', default: '`50052`' },
  { name: 'GATEWAY_ADDRESS', meaning: 'What agents dial, as `host:port`', default: '`<HOST>:<GATEWAY_PORT>`' },
  { name: 'AGENT_HEARTBEAT', meaning: 'Seconds between two reports of an agent; one that says nothing for three times as long counts as silent. The same in all processes', default: '`30`' },
  { name: 'GATEWAY_RATE_LIMIT', meaning: 'Messages a minute that one gateway takes of one agent; 0 is no limit. On a stream, more have to wait; streams leave a quarter of it to single calls', default: '`1200`' },
  { name: 'GATEWAY_STREAM_IDLE', meaning: 'Seconds after which a stream of an agent ends on which nothing comes', default: '`300`' },
  { name: 'SITES_PER_STREAM', meaning: 'Sites of a tenant that one stream at the hub takes messages from; further ones get shards', default: '`50`' },
  { name: 'ROLES', meaning: 'What this process does: `api`, `worker`, `gateway`, `monitor`, separated by commas', default: 'all' },
  { name: 'BOOTSTRAP_ADMIN_KEY', meaning: 'The first platform admin key: `sr_<id>_<secret>`', default: 'made and kept in `DATA_DIR/admin-key`; in production, none' },
  {
    name: 'ENCRYPTION_KEYS',
    meaning: '`<id>:<32 bytes as base64>`, separated by commas; the first writes, all read; `npm run keys:reencrypt` moves all to the first; required in production',
    default: 'made once in `DATA_DIR`',
  },
  {
    name: 'OIDC_ISSUER',
    meaning: 'The OpenID Connect issuer whose access tokens let people in, as in their claim `iss`: `https://`, or `http://` on loopback; with `OIDC_AUDIENCE` and `OIDC_ROLES`',
    default: 'API keys only',
  },
  { name: 'OIDC_AUDIENCE', meaning: 'What the claim `aud` holds when a token is meant for this API', default: 'none' },
  { name: 'OIDC_ROLES', meaning: 'Which value of the claim gives which role: `<value>=<role>`, separated by commas', default: 'none' },
  { name: 'OIDC_ROLES_CLAIM', meaning: 'The claim that roles are read from; one inside of another as `realm_access.roles`', default: '`roles`' },
  { name: 'OIDC_TENANT_CLAIM', meaning: "The claim that holds the slug or id of a person's tenant, or several", default: '`tenant`' },
  {
    name: 'TRUSTED_PROXIES',
    meaning: 'Addresses or networks of proxies whose `X-Forwarded-For` is believed, separated by commas',
    default: 'none',
  },
  {
    name: 'CORS_ORIGINS',
    meaning: 'Origins such as `https://console.example` whose pages may call the API from a browser, separated by commas',
    default: 'none',
  },
  { name: 'SMTP_URL', meaning: 'The server that alerts are mailed by: `smtp://` or `smtps://`, perhaps with user name and password; with `MAIL_FROM`', default: 'no e-mail is sent' },
  { name: 'MAIL_FROM', meaning: 'The address that alerts are mailed from', default: 'none' },
  { name: 'ALERT_HOLD', meaning: 'Seconds that leaves and agents are given to come back that went all at once, or while nobody looked, before alerts open', default: '`120`' },
  {
    name: 'ALERT_NETWORKS',
    meaning: 'Networks that are not of the public Internet, and that alerts may be sent to all the same; to these, `http://` will do',
    default: 'none',
  },
  { name: 'RATE_LIMIT_KEY', meaning: 'Calls a minute with one API key, over all processes; 0 is no limit, as in the next three', default: '`6000`' },
  { name: 'RATE_LIMIT_ADDRESS', meaning: 'Calls a minute from one address, or one IPv6 network (/64)', default: '`12000`' },
  { name: 'RATE_LIMIT_DOWNLOAD', meaning: 'Downloads a minute with tokens, good or not, from one address', default: '`120`' },
  { name: 'RATE_LIMIT_AUTHENTICATION', meaning: 'Keys a minute that do not open, from one address', default: '`30`' },
  {
    name: 'ROOT_CA_CERT_FILE',
    meaning: 'A root CA of your own, as PEM; taken at the first start, with `ROOT_CA_KEY_FILE`',
    default: 'one is made',
  },
  { name: 'ROOT_CA_KEY_FILE', meaning: 'Its private key, as PKCS#8 PEM (P-256)', default: 'one is made' },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    meaning: 'An OpenTelemetry collector that takes traces as OTLP over HTTP; they go to its `/v1/traces`',
    default: 'no traces',
  },
  { name: 'OTEL_EXPORTER_OTLP_HEADERS', meaning: 'Headers that let in there: `<name>=<percent-encoded value>`, separated by commas', default: 'none' },
  { name: 'OTEL_SERVICE_NAME', meaning: 'What traces call this service', default: '`serviceradar-edge`' },
  { name: 'OTEL_TRACES_SAMPLER_ARG', meaning: 'The share of traces that is kept, 0 to 1, unless the caller says so (`traceparent`)', default: '`1`' },
  {
    name: 'LOG_LEVEL',
    meaning: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`',
    default: '`info`',
  },
] as const satisfies readonly ConfigVariable[];

export type ConfigVariableName = (typeof CONFIG_VARIABLES)[number]['name'];

/** The README's table. */
export function configTable(): string {
  const rows = CONFIG_VARIABLES.map((variable) => `| \`${variable.name}\` | ${variable.meaning} | ${variable.default} |`);
  return ['| Variable | Meaning | Default |', '|---|---|---|', ...rows].join('\n');
}
