import type { Authenticator } from '@nats-io/transport-node';
import { Secret } from '#libs/kernel';
import { parseCreds } from '#libs/nats';

/**
 * Shows the hub a .creds file. The client's own authenticator signs in JavaScript: of a dozen connects at the same time on a busy
 * machine, all would be late for the server, which waits two seconds.
 */
export function credsAuthenticator(text: Uint8Array): Authenticator {
  const { jwt, keyPair } = parseCreds(new Secret(Buffer.from(text).toString()));
  return (nonce = '') => ({ jwt, nkey: keyPair.publicKey, sig: keyPair.sign(Buffer.from(nonce)).toString('base64url') });
}
