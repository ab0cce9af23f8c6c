import { DomainError, Secret } from '#libs/kernel';
import type { UserClaims } from './claims.js';
import { decodeUser, readUser } from './jwt.js';
import { type KeyPair, keyPairFromSeed } from './nkeys.js';

/** What a user connects with: the JWT says who it is, the key proves it. */
export interface Creds {
  jwt: string;
  keyPair: KeyPair;
}

/**
 * The text of a `.creds` file for a JWT that was just signed, byte for byte as `nsc` writes it (github.com/nats-io/jwt, v2/creds_utils.go, FormatUserConfig).
 * @throws DomainError `invalid_configuration` when the JWT is not a user's, or another key's.
 */
export function formatCreds({ jwt, keyPair }: Creds): Secret {
  assertBelongTogether(readUser(jwt), keyPair);
  return new Secret(`-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.

-----BEGIN USER NKEY SEED-----
${keyPair.seed.reveal()}
------END USER NKEY SEED------

*************************************************************
`);
}

// The official expression, tied to its two labels: -----BEGIN x----- newline, text, newline ------END x------
const JWT_BLOCK = /^-{3,}BEGIN NATS USER JWT-{3,}\r?\n([\w\-.=]+)\r?\n-{3,}END NATS USER JWT-{3,}\r?$/m;
const SEED_BLOCK = /^-{3,}BEGIN USER NKEY SEED-{3,}\r?\n([\w\-.=]+)\r?\n-{3,}END USER NKEY SEED-{3,}\r?$/m;

/**
 * Reads a `.creds` file; the JWT's own signature is checked, not who issued it.
 * @throws DomainError `invalid_configuration` when a part is missing or unreadable, or the two do not belong together. No message
 * holds anything of the file.
 */
export function parseCreds(text: Secret): Creds {
  const jwt = JWT_BLOCK.exec(text.reveal())?.[1];
  const seed = SEED_BLOCK.exec(text.reveal())?.[1];
  if (!jwt || !seed) throw new DomainError('invalid_configuration', 'A creds file lacks its user JWT or its seed.');
  const keyPair = keyPairFromSeed(new Secret(seed));
  assertBelongTogether(decodeUser(jwt), keyPair);
  return { jwt, keyPair };
}

function assertBelongTogether({ sub }: UserClaims, keyPair: KeyPair): void {
  if (sub !== keyPair.publicKey) {
    throw new DomainError('invalid_configuration', 'The JWT of a creds file was issued to another key than its seed.');
  }
}
