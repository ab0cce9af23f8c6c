import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type ConnectionOptions, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';

const TIMEOUT = 5_000;

export interface LeafClient {
  port: number;
  /** Text of a .creds file; none to try without. */
  creds?: string;
  /** Folder with nats-leaf.pem and nats-leaf-key.pem, as in a bundle; none to try without a certificate. */
  certificates?: string;
  /** Folder with ca-chain.pem, which verifies the server; as in a bundle. */
  ca: string;
  /** How long the leaf may take to accept us, in milliseconds. It tells nobody that it refuses a certificate. */
  timeout?: number;
}

/**
 * Connects to a leaf as a collector at the site does: with a certificate of the tenant's and a user's credentials.
 * @throws the server's refusal
 */
export function connectToLeaf({ port, creds, certificates, ca, timeout = TIMEOUT }: LeafClient): Promise<NatsConnection> {
  const own = certificates && {
    cert: readFileSync(join(certificates, 'nats-leaf.pem'), 'utf8'),
    key: readFileSync(join(certificates, 'nats-leaf-key.pem'), 'utf8'),
  };
  return connect({
    ...options(creds),
    timeout,
    servers: `tls://127.0.0.1:${port}`,
    tls: { ca: readFileSync(join(ca, 'ca-chain.pem'), 'utf8'), ...own },
  });
}

interface HubClient {
  url: string;
  creds: string;
}

export const connectToHub = ({ url, creds }: HubClient): Promise<NatsConnection> => connect({ ...options(creds), servers: url });

const options = (creds: string | undefined): ConnectionOptions => ({
  timeout: TIMEOUT,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 100,
  ...(creds === undefined ? {} : { authenticator: credsAuthenticator(new TextEncoder().encode(creds)) }),
});
