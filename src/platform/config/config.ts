import type { Role } from '#libs/contracts';
import type { Secret } from '#libs/kernel';

export const PROCESS_ROLES = ['api', 'worker', 'gateway', 'monitor'] as const;

/** What a process does; one process may do all of it. */
export type ProcessRole = (typeof PROCESS_ROLES)[number];

export const ENVIRONMENTS = ['development', 'test', 'production'] as const;

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Whose access tokens let people in, and what is read from them. */
export interface OidcConfig {
  /** As in the claim `iss`, to the character. */
  readonly issuer: string;
  /** What stands in the claim `aud` when a token is meant for this API. */
  readonly audience: string;
  /** Each value of the roles' claim that gives a role. */
  readonly roles: readonly { readonly value: string; readonly role: Role }[];
  /** Names of claims; of one inside of another, with dots between. */
  readonly rolesClaim: string;
  readonly tenantClaim: string;
}

/** Where spans are sent. */
export interface TracingConfig {
  /** The OpenTelemetry collector (OTLP over HTTP), without a slash at its end and without `/v1/traces`. */
  readonly endpoint: string;
  /** Sent along, to be let in. */
  readonly headers: Secret<Readonly<Record<string, string>>> | undefined;
  readonly serviceName: string;
  /** Which share of the traces that begin here is kept, from 0 to 1. */
  readonly ratio: number;
}

/**
 * What the process was told by its environment: parsed once, frozen. The class is also the token it is injected by.
 * `parseConfig` makes it; `CONFIG_VARIABLES` says what each variable means.
 */
export abstract class Config {
  readonly environment!: (typeof ENVIRONMENTS)[number];

  /** Where the API listens; 0 is any free port. */
  readonly port!: number;
  readonly host!: string;

  /** Where `GET /metrics` is, on `host`; 0 is any free port. Undefined means nowhere. */
  readonly metricsPort!: number | undefined;

  /** What curl lines and links start with, without a slash at the end. Undefined only when `port` is 0: known once it listens. */
  readonly publicUrl!: string | undefined;

  readonly dataDir!: string;

  /** The service's login, or the owner's when there is no `databaseOwnerUrl`. Undefined means the embedded PostgreSQL. */
  readonly databaseUrl!: Secret | undefined;
  readonly databaseOwnerUrl!: Secret | undefined;

  /** `redis://`, `rediss://`, `postgres://` or `postgresql://`. Undefined means the server of `databaseUrl`. */
  readonly queueUrl!: Secret | undefined;

  /** Undefined means the local hub. */
  readonly natsUrl!: string | undefined;

  /** What collectors without a site dial. Undefined means `natsUrl`, or the local hub. */
  readonly natsPublicUrl!: string | undefined;

  /** Port of `host` that the gateway listens on; 0 is any free one. */
  readonly gatewayPort!: number;

  /** `host:port` that agents dial. Undefined only when `gatewayPort` is 0: known once it listens. */
  readonly gatewayAddress!: string | undefined;

  /** Seconds between two reports of an agent. */
  readonly agentHeartbeat!: number;

  /** Milliseconds without a word after which an agent counts as silent: three heartbeats. */
  readonly agentSilence!: number;

  /** Seconds that those are given to come back who went all at once, or while nobody looked, before an alert opens. */
  readonly alertHold!: number;

  /** Messages a minute of one agent to one gateway; 0 is no limit. */
  readonly gatewayRateLimit!: number;

  /** Seconds after which a stream ends on which nothing comes. */
  readonly gatewayStreamIdle!: number;

  /** Path of the program that the local hub runs; undefined means `nats-server` from the PATH. */
  readonly natsServer!: string | undefined;

  /** Ports of the local hub; 0 is any free one. */
  readonly hubClientPort!: number;
  readonly hubLeafPort!: number;

  /** What leaves dial. Undefined only with a local hub whose `hubLeafPort` is 0: known once it listens. */
  readonly natsLeafUpstreamUrl!: string | undefined;

  /** Sites that one stream at the hub sources; those that have one keep it. */
  readonly sitesPerStream!: number;

  readonly roles!: readonly ProcessRole[];

  /** `sr_<key id>_<secret>`. */
  readonly bootstrapAdminKey!: Secret | undefined;

  /** Undefined means that people get in with API keys only. */
  readonly oidc!: OidcConfig | undefined;

  /** 32 bytes each; the first one writes, all read. Undefined means one that is made in the data directory. */
  readonly encryptionKeys!: readonly { readonly id: string; readonly key: Secret<Buffer> }[] | undefined;

  /** Addresses and networks (CIDR) of proxies that say truly whom a request comes from. */
  readonly trustedProxies!: readonly string[];

  /** Origins (`https://host`) whose pages may call the API from a browser. */
  readonly corsOrigins!: readonly string[];

  /** `smtp://` or `smtps://`, and from whom; undefined means that no e-mail is sent. */
  readonly mail!: { readonly smtpUrl: Secret; readonly from: string } | undefined;

  /** Addresses and networks (CIDR) that webhooks may lead to though they are not public. */
  readonly alertNetworks!: readonly string[];

  /** Calls a minute, of all processes together; 0 is no limit. */
  readonly rateLimits!: {
    /** With one key. */
    readonly key: number;
    /** From one address, whoever calls. */
    readonly address: number;
    /** Downloads with tokens, from one address. */
    readonly download: number;
    /** Keys that do not open, from one address. */
    readonly authentication: number;
  };

  /** A root CA that was brought along; both or neither. */
  readonly rootCaCertFile!: string | undefined;
  readonly rootCaKeyFile!: string | undefined;

  /** Undefined means that there are no spans. */
  readonly tracing!: TracingConfig | undefined;

  readonly logLevel!: (typeof LOG_LEVELS)[number];
}
