/** Unlimited, wherever a NATS JWT states a limit. */
export const NO_LIMIT = -1;

/** How a connection came in (github.com/nats-io/jwt, v2/types.go). */
export type ConnectionType = 'STANDARD' | 'WEBSOCKET' | 'LEAFNODE' | 'LEAFNODE_WS' | 'MQTT' | 'MQTT_WS';

/** The claims that every NATS JWT has. Times are Unix seconds. */
interface StandardClaims {
  exp?: number;
  jti: string;
  iat: number;
  iss: string;
  name: string;
  sub: string;
}

export interface PermissionClaims {
  pub: { allow?: string[]; deny?: string[] };
  sub: { allow?: string[]; deny?: string[] };
}

interface NatsLimitClaims {
  /** Subscriptions of a connection. */
  subs: number;
  data: number;
  /** Bytes of a message. */
  payload: number;
}

export interface OperatorClaims extends StandardClaims {
  nats: { signing_keys?: string[]; type: 'operator'; version: 2 };
}

export interface AccountLimitClaims extends NatsLimitClaims {
  imports: number;
  exports: number;
  wildcards: boolean;
  disallow_bearer: boolean;
  /** Clients connected at once, to all servers. */
  conn: number;
  /** Leaf nodes connected at once. */
  leaf: number;
  mem_storage: number;
  disk_storage: number;
  streams: number;
  consumer: number;
}

export interface AccountClaims extends StandardClaims {
  nats: {
    limits: AccountLimitClaims;
    signing_keys?: string[];
    /** User key, or `*`, to the Unix second up to which JWTs issued to it are refused. */
    revocations?: Record<string, number>;
    default_permissions: PermissionClaims;
    type: 'account';
    version: 2;
  };
}

export interface UserClaims extends StandardClaims {
  nats: PermissionClaims &
    NatsLimitClaims & {
      allowed_connection_types?: ConnectionType[];
      /** The account, where one of its signing keys signed. */
      issuer_account?: string;
      type: 'user';
      version: 2;
    };
}

export type Claims = OperatorClaims | AccountClaims | UserClaims;
