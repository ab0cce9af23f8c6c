import { formatHostPort, type HostPort } from './address.js';
import { type ConfMap, duration, renderConf, size } from './conf.js';
import { assertServerName, operatorMode, type PreloadedAccount, preload } from './leaf-configuration.js';
import { HUB_DOMAIN } from './stream-names.js';

/** Absolute paths of a listener's files. */
export interface TlsFiles {
  cert: string;
  key: string;
  /** What clients' certificates are verified with. */
  ca: string;
}

export interface HubConfiguration {
  serverName: string;
  /** Where clients connect: the control plane, and collectors without a site. */
  listen: HostPort;
  /** Mutual TLS for clients; without it they connect in the clear, which is for a loopback address. */
  clientTls?: TlsFiles;
  leafListen: HostPort;
  /** The address that leaves are told to use; otherwise they learn the inner one and go around the proxy. */
  leafAdvertise: HostPort;
  leafTls: TlsFiles;
  monitor: HostPort;
  operatorJwt: string;
  systemAccount: PreloadedAccount;
  /** Directory of the account JWTs that are pushed to the hub. */
  resolverDir: string;
  jetstream: {
    storeDir: string;
    /** Bytes; the server's own default, a share of the machine, when absent. */
    maxMemoryBytes?: number;
    maxFileBytes?: number;
  };
  /** Interest of one leaf is not told to the others. Only nats-server 2.12 and newer know it; older ones refuse to start. */
  isolateLeafnodeInterest?: boolean;
  /** Bytes; 8 MiB when absent. */
  maxPayloadBytes?: number;
  pidFile?: string;
}

/** Account JWTs are pushed as messages, and one grows by about 90 bytes with each revoked user. More is not advised by the server. */
const HUB_MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

/**
 * The text of the hub's configuration, for nats-server 2.10.26 and newer. The resolver is `full`: it keeps what is pushed, and starts
 * with the system account, without which nothing could be pushed.
 * @throws DomainError `invalid_configuration` naming the value that cannot be used.
 */
export function renderHubConfiguration(hub: HubConfiguration): string {
  assertServerName(hub.serverName);
  return renderConf({
    server_name: hub.serverName,
    listen: formatHostPort(hub.listen),
    http: formatHostPort(hub.monitor),
    pid_file: hub.pidFile,
    max_payload: size(hub.maxPayloadBytes ?? HUB_MAX_PAYLOAD_BYTES),
    write_deadline: duration(10_000),
    lame_duck_duration: duration(30_000),
    lame_duck_grace_period: duration(5_000),
    ping_interval: duration(20_000),
    ping_max: 2,
    tls: hub.clientTls && mutualTls(hub.clientTls),
    ...operatorMode(hub.operatorJwt, hub.systemAccount.publicKey),
    resolver: {
      type: 'full',
      dir: hub.resolverDir,
      // An account goes by an administrator's hand, not by a request.
      allow_delete: false,
      interval: duration(120_000),
      limit: 100_000,
    },
    resolver_preload: preload([hub.systemAccount]),
    jetstream: {
      domain: HUB_DOMAIN,
      store_dir: hub.jetstream.storeDir,
      max_memory_store: optionalSize(hub.jetstream.maxMemoryBytes),
      max_file_store: optionalSize(hub.jetstream.maxFileBytes),
    },
    leafnodes: {
      listen: formatHostPort(hub.leafListen),
      advertise: formatHostPort(hub.leafAdvertise),
      compression: 's2_auto',
      isolate_leafnode_interest: hub.isolateLeafnodeInterest ? true : undefined,
      tls: mutualTls(hub.leafTls),
    },
  });
}

const mutualTls = (files: TlsFiles): ConfMap => ({
  cert_file: files.cert,
  key_file: files.key,
  ca_file: files.ca,
  verify: true,
  min_version: '1.2',
  timeout: 10,
});

const optionalSize = (bytes: number | undefined) => (bytes === undefined ? undefined : size(bytes));
