import { isJsonObject, objectField, parseJsonObject, unexpected } from './json.js';
import { isPublicKey } from './nkeys.js';

/** What to request in the hub's system account to learn, among much else, which operator its servers trust. Each answers for itself. */
export const SERVER_STATE_SUBJECT = '$SYS.REQ.SERVER.PING.VARZ';

/**
 * The operator's signing keys that a server trusts: those of the operator JWT that it started with, whatever its configuration says by now
 * (nats-server, server/monitor.go, Varz.TrustedOperatorsClaim).
 * @throws DomainError `hub_unreachable` when the answer has an unknown shape
 */
export function parseTrustedKeys(payload: Uint8Array): string[] {
  const what = 'what a server says of itself';
  const claims = objectField(what, parseJsonObject(what, payload), 'data').trusted_operators_claim;
  if (!Array.isArray(claims)) throw unexpected(what, 'trusted_operators_claim');
  return claims.flatMap((claim: unknown) => {
    const keys = isJsonObject(claim) && isJsonObject(claim.nats) ? claim.nats.signing_keys : undefined;
    return Array.isArray(keys) ? keys.filter((key): key is string => typeof key === 'string' && isPublicKey(key, 'operator')) : [];
  });
}
