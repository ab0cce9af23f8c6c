import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';

interface LeafClient {
  port: number;
  /** Text of a .creds file; none to try without. */
  creds?: string;
  /** Folder with nats-leaf.pem, nats-leaf-key.pem and ca-chain.pem, as in a bundle; none to try without a certificate. */
  certificates?: string;
  /** Verifies the server; as in a bundle. */
  ca: string;
}

/** Connects to a leaf as a collector at the site does: with a certificate of the tenant's and a user's credentials. */
export function connectToLeaf({ port, creds, certificates, ca }: LeafClient): Promise<NatsConnection> {
  const own = certificates && {
    cert: readFileSync(join(certificates, 'nats-leaf.pem'), 'utf8'),
    key: readFileSync(join(certificates, 'nats-leaf-key.pem'), 'utf8'),
  };
  return connect({
    servers: `tls://127.0.0.1:${port}`,
    tls: { ca: readFileSync(join(ca, 'ca-chain.pem'), 'utf8'), ...own },
    timeout: 5_000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    ...authenticated(creds),
  });
}

interface HubClient {
  url: string;
  creds: string;
  /** PEM of the hub's CA, when the hub's client port speaks TLS. */
  ca?: string;
}

export function connectToHub({ url, creds, ca }: HubClient): Promise<NatsConnection> {
  return connect({
    servers: url,
    timeout: 5_000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...authenticated(creds),
  });
}

const authenticated = (creds: string | undefined) =>
  creds === undefined ? {} : { authenticator: credsAuthenticator(new TextEncoder().encode(creds)) };
