import { DomainError } from '#libs/kernel';
import { assertUpstreamUrl, formatHostPort, type HostPort } from './address.js';
import { type ConfMap, duration, renderConf, size } from './conf.js';
import { assertPublicKey } from './nkeys.js';
import { CAPTURED_SUBJECTS } from './stream-names.js';
import { assertSubject } from './subjects.js';

/** An account with its JWT, as a server preloads it. */
export interface PreloadedAccount {
  publicKey: string;
  jwt: string;
}

/** Where the files of a leaf are; absolute paths on the site. */
export interface LeafPaths {
  /** Certificate chain and key of the listener, for the site's clients. */
  serverCert: string;
  serverKey: string;
  /** The CA that signs this tenant's clients, and no other: another tenant's certificate must fail in TLS already. */
  clientCa: string;
  /** Certificate chain and key that the leaf shows to the hub. */
  leafCert: string;
  leafKey: string;
  /** The chain up to the root, to verify the hub with. */
  hubCa: string;
  /** Of the leaf's user in the tenant's account. */
  creds: string;
  /** Of the leaf's user in the tenant's control account. */
  controlCreds: string;
  jetstream: string;
  /** Directory of the account JWTs that the leaf has learnt; the server writes there. */
  accounts: string;
  pidFile: string;
}

export const LEAF_PATHS: LeafPaths = {
  serverCert: '/etc/nats/certs/nats-server.pem',
  serverKey: '/etc/nats/certs/nats-server-key.pem',
  clientCa: '/etc/nats/certs/tenant-ca.pem',
  leafCert: '/etc/nats/certs/nats-leaf.pem',
  leafKey: '/etc/nats/certs/nats-leaf-key.pem',
  hubCa: '/etc/nats/certs/ca-chain.pem',
  creds: '/etc/nats/creds/tenant.creds',
  controlCreds: '/etc/nats/creds/control.creds',
  jetstream: '/var/lib/nats/jetstream',
  accounts: '/var/lib/nats/accounts',
  pidFile: '/run/nats/nats-leaf.pid',
};

export interface LeafConfiguration {
  /** Unique in the account: two servers of one name replace each other every second. */
  serverName: string;
  listen: HostPort;
  /** Port of the monitoring endpoint on 127.0.0.1. */
  monitorPort: number;
  /** What the leaf dials, tried in turn: `tls://host:7422`. */
  upstreamUrls: readonly string[];
  jetstream: {
    /** Unique in the tenant: a request from the hub reaches every leaf of a domain. */
    domain: string;
    maxMemoryBytes: number;
    maxFileBytes: number;
    /** Each message is on disk before it is acknowledged. Without it, a power cut may lose two minutes of acknowledged messages. */
    syncAlways: boolean;
  };
  operatorJwt: string;
  /** The leaf's own, never the hub's: who has the system account of a server sees all its tenants. */
  systemAccount: PreloadedAccount;
  /** The tenant's, as the hub has it. It is what the leaf starts with; a newer one that it has learnt stays. */
  account: PreloadedAccount;
  capturedSubjects?: readonly string[];
  /** Bytes; must not exceed the hub's. 1 MiB when absent. */
  maxPayloadBytes?: number;
  paths?: LeafPaths;
}

/** The server's own default. */
export const DEFAULT_MAX_PAYLOAD_BYTES = 1024 * 1024;

/**
 * The text of a leaf's `nats-leaf.conf`, for nats-server 2.10.26 and newer. Every path stands on a line of its own, quoted.
 * @throws DomainError `invalid_configuration` naming the value that cannot be used.
 */
export function renderLeafConfiguration(leaf: LeafConfiguration): string {
  assertServerName(leaf.serverName);
  const { domain } = leaf.jetstream;
  assertSubject(domain, { wildcards: false });
  if (domain.includes('.')) throw new DomainError('invalid_configuration', `A JetStream domain is one token: ${domain} has dots.`);
  if (leaf.systemAccount.publicKey === leaf.account.publicKey) {
    throw new DomainError('invalid_configuration', 'The system account of a leaf cannot be the tenant’s account.');
  }
  const paths = leaf.paths ?? LEAF_PATHS;
  return renderConf({
    server_name: leaf.serverName,
    listen: formatHostPort(leaf.listen),
    http: formatHostPort({ host: '127.0.0.1', port: leaf.monitorPort }),
    pid_file: paths.pidFile,
    max_payload: size(leaf.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES),
    write_deadline: duration(10_000),
    lame_duck_duration: duration(30_000),
    lame_duck_grace_period: duration(5_000),
    // A half-open link is noticed in 28 s; with the defaults of the server it takes 358 s.
    ping_interval: duration(10_000),
    ping_max: 2,
    // A certificate alone is no identity: without operator mode, each one of the CA may use every subject without credentials.
    tls: {
      cert_file: paths.serverCert,
      key_file: paths.serverKey,
      ca_file: paths.clientCa,
      verify: true,
      min_version: '1.2',
      timeout: 5,
    },
    ...operatorMode(leaf.operatorJwt, leaf.systemAccount.publicKey),
    // Keeps what is pushed over the control link, and takes what is preloaded where that is newer (server/dirstore.go, saveIfNewer).
    // An account that it does not have nobody else here has: whoever comes with one is refused at once, not after 1.9 s of asking around.
    resolver: { type: 'full', dir: paths.accounts, allow_delete: false, interval: duration(120_000), timeout: duration(10) },
    resolver_preload: preload([leaf.systemAccount, leaf.account]),
    jetstream: {
      domain,
      store_dir: paths.jetstream,
      max_memory_store: size(leaf.jetstream.maxMemoryBytes),
      max_file_store: size(leaf.jetstream.maxFileBytes),
      sync_interval: leaf.jetstream.syncAlways ? 'always' : undefined,
    },
    leafnodes: { reconnect: duration(1_000), remotes: [tenantRemote(leaf, paths), controlRemote(leaf, paths)] },
  });
}

/** The link that carries the tenant's messages. */
function tenantRemote(leaf: LeafConfiguration, paths: LeafPaths): ConfMap {
  const captured = leaf.capturedSubjects ?? CAPTURED_SUBJECTS;
  for (const subject of captured) assertSubject(subject, { wildcards: true });
  return {
    ...remote(leaf, paths, { account: leaf.account.publicKey, credentials: paths.creds }),
    deny_imports: captured,
    deny_exports: captured,
  };
}

/**
 * The link over which the leaf learns of revoked users: it binds the leaf's own system account to the tenant's control account at the
 * hub, where the leaf's user may hear of new account JWTs and answer, and nothing else.
 */
const controlRemote = (leaf: LeafConfiguration, paths: LeafPaths): ConfMap => ({
  ...remote(leaf, paths, { account: leaf.systemAccount.publicKey, credentials: paths.controlCreds }),
  // Says that JetStream is not extended over this link. Otherwise the server's log recommends an option that would make it a cluster's.
  deny_imports: ['$NRG.>'],
});

function remote(leaf: LeafConfiguration, paths: LeafPaths, { account, credentials }: { account: string; credentials: string }): ConfMap {
  if (leaf.upstreamUrls.length === 0) throw new DomainError('invalid_configuration', 'A leaf needs an upstream URL.');
  leaf.upstreamUrls.forEach(assertUpstreamUrl);
  return {
    urls: leaf.upstreamUrls,
    // `nats-server -t` passes without it, and the server then refuses to start.
    account,
    credentials,
    compression: 's2_auto',
    // For satellite links; the server's default is 1 s.
    first_info_timeout: duration(10_000),
    tls: { cert_file: paths.leafCert, key_file: paths.leafKey, ca_file: paths.hubCa, min_version: '1.2', timeout: 10 },
  };
}

/** The entries that put a server into operator mode. */
export function operatorMode(operatorJwt: string, systemAccount: string): ConfMap {
  assertPublicKey(systemAccount, 'account');
  return { operator: operatorJwt, system_account: systemAccount };
}

/** The entries of `resolver_preload`. */
export function preload(accounts: readonly PreloadedAccount[]): ConfMap {
  for (const { publicKey } of accounts) assertPublicKey(publicKey, 'account');
  return Object.fromEntries(accounts.map(({ publicKey, jwt }) => [publicKey, jwt]));
}

/** What the server of a site's leaf is called: unique in the tenant, as slugs are. */
export const leafServerName = (siteSlug: string): string => `nats-${siteSlug}`;

/** The slug of the site whose leaf a server's name is; undefined when it is none. */
export const siteOfServerName = (serverName: string | undefined): string | undefined => /^nats-(.+)$/.exec(serverName ?? '')?.[1];

/** @throws DomainError `invalid_configuration` when it is empty or has spaces, which the server refuses. */
export function assertServerName(name: string): void {
  if (name === '' || /\s/u.test(name)) throw new DomainError('invalid_configuration', `A server name is one word: ${JSON.stringify(name)}.`);
}
