import { isJsonObject, objectField, parseJsonObject, textField } from './json.js';
import { isPublicKey } from './nkeys.js';

/**
 * Where the account JWTs go: a request in the hub's system account, which every server of the hub answers for itself, or in a tenant's
 * control account, which every leaf that is connected answers.
 */
export const CLAIMS_UPDATE_SUBJECT = '$SYS.REQ.CLAIMS.UPDATE';

/** What to request so that servers take over an account's JWT. A full resolver stores whatever comes, an older JWT too: send the newest. */
export const claimsUpdate = (accountJwt: string): { subject: string; payload: Buffer } => ({
  subject: CLAIMS_UPDATE_SUBJECT,
  payload: Buffer.from(accountJwt),
});

/** One server's answer to a pushed account. */
export interface ClaimsUpdateAnswer {
  accepted: boolean;
  serverName: string;
  /** The account's public key, where the server says it. */
  account?: string;
  /** The server's own words. */
  message: string;
}

/**
 * Reads a server's answer to `claimsUpdate` (nats-server, server/accounts.go, respondToUpdate).
 * @throws DomainError `hub_unreachable` when it has an unknown shape.
 */
export function parseClaimsUpdateAnswer(payload: Uint8Array): ClaimsUpdateAnswer {
  const what = 'an answer to a pushed account';
  const answer = parseJsonObject(what, payload);
  const serverName = textField(what, objectField(what, answer, 'server'), 'name');
  const refused = isJsonObject(answer.error);
  const body = objectField(what, answer, refused ? 'error' : 'data');
  return {
    accepted: !refused && body.code === 200,
    serverName,
    account: typeof body.account === 'string' && isPublicKey(body.account, 'account') ? body.account : undefined,
    message: textField(what, body, refused ? 'description' : 'message'),
  };
}
