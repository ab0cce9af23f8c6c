import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkServerIdentity, type ConnectionOptions as PeerOptions } from 'node:tls';
import { connect, type ConnectionOptions, credsAuthenticator, type NatsConnection, type TlsOptions } from '@nats-io/transport-node';
import type { CollectorConfiguration } from './collector-configuration.js';

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
  /** Folder with nats-leaf.pem, nats-leaf-key.pem and ca-chain.pem, as in a bundle; none for a hub that takes clients in the clear. */
  certificates?: string;
}

export function connectToHub({ url, creds, certificates }: HubClient): Promise<NatsConnection> {
  const at = (file: string) => join(certificates!, file);
  const files = certificates && { cert: at('nats-leaf.pem'), key: at('nats-leaf-key.pem'), ca: at('ca-chain.pem') };
  return connect({ ...options(creds), servers: url, ...(files && url.startsWith('tls:') && { tls: mutualTls(url, files) }) });
}

/**
 * Connects as a collector does. Once it is cut off it stays so, and a test decides when it comes back.
 * @throws the server's refusal
 */
export function connectAsCollector({ url, creds, ...files }: CollectorConfiguration): Promise<NatsConnection> {
  return connect({
    ...options(readFileSync(creds, 'utf8')),
    reconnect: false,
    servers: url,
    // A hub on the loopback address may take clients in the clear, and then its URL says so.
    ...(url.startsWith('tls:') && { tls: mutualTls(url, files) }),
  });
}

function mutualTls(url: string, { cert, key, ca }: { cert: string; key: string; ca: string }): TlsOptions {
  const tls: TlsOptions & Pick<PeerOptions, 'checkServerIdentity'> = {
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
    ca: readFileSync(ca, 'utf8'),
    // Of an IP address the client forgets what it dialled, and would look for "localhost" in the certificate.
    checkServerIdentity: (_name, certificate) => checkServerIdentity(new URL(url).hostname, certificate),
  };
  return tls;
}

const options = (creds: string | undefined): ConnectionOptions => ({
  timeout: TIMEOUT,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 100,
  ...(creds === undefined ? {} : { authenticator: credsAuthenticator(new TextEncoder().encode(creds)) }),
});
