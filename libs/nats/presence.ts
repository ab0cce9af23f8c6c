import { integerField, isJsonObject, type JsonObject, objectField, parseJsonObject, textField, unexpected } from './json.js';
import { isPublicKey } from './nkeys.js';

/** What connected: a leaf's link, a client, or a connection of another kind, which is of no interest here. */
export type ConnectionKind = 'leafnode' | 'client' | 'other';

/** A connection as a server of the hub knows it. */
export interface HubConnection {
  /** Public key of the account. */
  account: string;
  /** What the connecting server calls itself. It can be forged within the account: the user's key is the identity. */
  serverName: string | undefined;
  /** Public key of the hub's server that holds the connection. */
  hubServerId: string;
  /**
   * Which connection of which server it is, the same in its CONNECT, its DISCONNECT and in LEAFZ. Undefined in the LEAFZ of
   * 2.10, which does not say.
   */
  linkId: string | undefined;
}

/** A connection that came or went. */
export interface PresenceEvent extends HubConnection {
  type: 'connected' | 'disconnected';
  kind: ConnectionKind;
  /** Public key of the user, which tells a leaf's site and generation. */
  userPublicKey: string;
  linkId: string;
  /** Why it went, in the server's words: "Client Closed", "Credentials Revoked", … */
  reason: string | undefined;
  at: Date;
}

/** The leaf links that one server of the hub holds. */
export interface LeafLinks {
  hubServerId: string;
  links: HubConnection[];
}

/** What to subscribe in the hub's system account, for the connections of all accounts. */
export const PRESENCE_SUBJECTS: readonly string[] = ['$SYS.ACCOUNT.*.CONNECT', '$SYS.ACCOUNT.*.DISCONNECT'];

const EVENT_TYPE: Record<string, PresenceEvent['type']> = {
  'io.nats.server.advisory.v1.client_connect': 'connected',
  'io.nats.server.advisory.v1.client_disconnect': 'disconnected',
};

const KIND: Record<string, ConnectionKind> = { Leafnode: 'leafnode', Client: 'client' };

/**
 * Reads a message of `PRESENCE_SUBJECTS` (nats-server, server/events.go, ConnectEventMsg and DisconnectEventMsg). The order
 * in which messages arrive decides, not `at`: the clocks of the hub's servers differ.
 *
 * @returns undefined for a connection that was in no account: 2.15 tells of one that it refused as a DISCONNECT of `$G`, with the
 * key of the user that it claimed to be, a connected leaf's perhaps.
 * @throws DomainError `hub_unreachable` when it has an unknown shape; fields that are not known are ignored.
 */
export function parsePresenceEvent(payload: Uint8Array): PresenceEvent | undefined {
  const what = 'an event of a connection';
  const event = parseJsonObject(what, payload);
  const type = EVENT_TYPE[textField(what, event, 'type')];
  if (!type) throw unexpected(what, 'type');
  const client = objectField(what, event, 'client');
  const account = textField(what, client, 'acc');
  if (!isPublicKey(account, 'account')) return undefined;
  const hubServerId = textField(what, objectField(what, event, 'server'), 'id');
  const at = new Date(textField(what, event, 'timestamp'));
  if (Number.isNaN(at.getTime())) throw unexpected(what, 'timestamp');
  return {
    type,
    kind: KIND[textField(what, client, 'kind')] ?? 'other',
    account,
    userPublicKey: userField(what, client),
    serverName: optionalText(client.name),
    hubServerId,
    linkId: linkId(hubServerId, integerField(what, client, 'id')),
    reason: optionalText(event.reason),
    at,
  };
}

/** Where to ask which leaves of all accounts are connected. Each server of the hub answers for itself. */
export const LEAF_LINKS_SUBJECT = '$SYS.REQ.SERVER.PING.LEAFZ';

/**
 * Reads a server's answer to `LEAF_LINKS_SUBJECT` (nats-server, server/monitor.go, Leafz). It does not name users: a link
 * is known by its `linkId` where the server says it, else by account and server name.
 * @throws DomainError `hub_unreachable` when it has an unknown shape.
 */
export function parseLeafLinks(payload: Uint8Array): LeafLinks {
  const what = 'a list of leaf nodes';
  const data = objectField(what, parseJsonObject(what, payload), 'data');
  const hubServerId = textField(what, data, 'server_id');
  // Go leaves an empty list out, or writes null.
  const leafs = data.leafs ?? [];
  if (!Array.isArray(leafs)) throw unexpected(what, 'leafs');
  return {
    hubServerId,
    links: leafs.map((leaf: unknown) => {
      if (!isJsonObject(leaf)) throw unexpected(what, 'leafs');
      return {
        account: accountField(what, leaf, 'account'),
        serverName: optionalText(leaf.name),
        hubServerId,
        linkId: leaf.id === undefined ? undefined : linkId(hubServerId, integerField(what, leaf, 'id')),
      };
    }),
  };
}

/** What to request so that the hub ends a link, which then comes again and says who it is (nats-server 2.10 and newer). */
export function kick(linkId: string): { subject: string; payload: Buffer } {
  const [hubServerId, connection] = linkId.split(':');
  return { subject: `$SYS.REQ.SERVER.${hubServerId}.KICK`, payload: Buffer.from(JSON.stringify({ cid: Number(connection) })) };
}

const linkId = (hubServerId: string, connection: number): string => `${hubServerId}:${connection}`;

const optionalText = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

function accountField(what: string, from: JsonObject, name: string): string {
  const account = textField(what, from, name);
  if (!isPublicKey(account, 'account')) throw unexpected(what, name);
  return account;
}

function userField(what: string, client: JsonObject): string {
  const user = textField(what, client, 'user');
  if (!isPublicKey(user, 'user')) throw unexpected(what, 'user');
  return user;
}
