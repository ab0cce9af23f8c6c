import { integerField, isJsonObject, objectField, parseJsonObject, textField, unexpected } from './json.js';
import { assertPublicKey, isPublicKey } from './nkeys.js';

/** Where to ask which connections of an account a server has; each server that hears it answers for itself. */
export const connectionsSubject = (account: string): string => `$SYS.REQ.ACCOUNT.${account}.CONNZ`;

/** `connectionsSubject` of any account. */
export const ANY_CONNECTIONS_SUBJECT = connectionsSubject('*');

interface ConnectionsQuestion {
  /** Public key of the account. */
  account: string;
  /** How many connections to pass over, and how many to list at most. */
  offset: number;
  limit: number;
  /** The server that is meant; all that hear it when absent. On 2.10, also those whose names contain it. */
  serverName?: string;
}

/**
 * What to request to learn who is connected in an account (nats-server, server/events.go, ConnzEventOptions). It names no user: whoever
 * else hears it learns nothing of them.
 * @throws DomainError `invalid_configuration` when `account` is no public key of an account
 */
export function connectionsRequest({ account, offset, limit, serverName }: ConnectionsQuestion): { subject: string; payload: Buffer } {
  assertPublicKey(account, 'account');
  const filter = serverName === undefined ? {} : { server_name: serverName, exact_match: true };
  return { subject: connectionsSubject(account), payload: Buffer.from(JSON.stringify({ auth: true, offset, limit, ...filter })) };
}

/** Some of the connections that a server has in an account. */
export interface Connections {
  serverName: string;
  /** Public keys of the users, of each connection that has one: a leaf does not say as whom it is linked to the hub. */
  users: string[];
  /** Whether there are more behind them. */
  more: boolean;
}

/**
 * Reads a server's answer to `connectionsRequest` (nats-server, server/monitor.go, Connz).
 * @throws DomainError `hub_unreachable` when it has an unknown shape; a key that is no user's is passed over.
 */
export function parseConnections(payload: Uint8Array): Connections {
  const what = 'a list of connections';
  const answer = parseJsonObject(what, payload);
  const data = objectField(what, answer, 'data');
  // Go writes an empty list, or null.
  const connections = data.connections ?? [];
  if (!Array.isArray(connections)) throw unexpected(what, 'connections');
  return {
    serverName: textField(what, objectField(what, answer, 'server'), 'name'),
    users: connections.flatMap((connection: unknown) => {
      if (!isJsonObject(connection)) throw unexpected(what, 'connections');
      const { authorized_user: user } = connection;
      return typeof user === 'string' && isPublicKey(user, 'user') ? [user] : [];
    }),
    more: connections.length > 0 && integerField(what, data, 'offset') + connections.length < integerField(what, data, 'total'),
  };
}
