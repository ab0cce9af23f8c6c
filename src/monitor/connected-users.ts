import type { NatsConnection } from '@nats-io/transport-node';
import { type Connections, connectionsRequest, parseConnections } from '#libs/nats';
import type { HubConnection } from '../nats/index.js';

/** How many connections the hub lists at a time. */
const HUB_PAGE = 1_024;

/**
 * How many connections a leaf lists at a time. With its user's JWT (a part of a line of 4 KiB) and its certificates, one takes less than 10
 * kB: an answer stays below what a message over the link may have (`max_payload`, 1 MiB unless somebody says otherwise).
 */
const LEAF_PAGE = 64;

/** How long a leaf may take to list some of its connections, and how long to list all of them, in milliseconds. */
const PAGE_TIMEOUT = 1_000;
const LEAF_TIMEOUT = 3_000;

/**
 * The public keys of all users that are connected to the hub in an account.
 * @throws DomainError `hub_unreachable`
 */
export function usersAtHub(hub: HubConnection, account: string): Promise<Set<string>> {
  return usersOf(HUB_PAGE, async (offset) => {
    const { subject, payload } = connectionsRequest({ account, offset, limit: HUB_PAGE });
    return (await hub.requestAll(subject, payload)).map(parseConnections);
  });
}

/**
 * The public keys of the users that are connected to a leaf in an account, as far as it says so. A leaf is not to be trusted: it may be
 * silent, talk nonsense, or never end.
 * @param connection in the tenant's control account
 */
export function usersAtLeaf(connection: NatsConnection, account: string, serverName: string): Promise<Set<string>> {
  const late = AbortSignal.timeout(LEAF_TIMEOUT);
  return usersOf(LEAF_PAGE, async (offset) => {
    if (late.aborted) return [];
    const { subject, payload } = connectionsRequest({ account, offset, limit: LEAF_PAGE, serverName });
    const answers = await connection.requestMany(subject, payload, { strategy: 'timer', maxWait: PAGE_TIMEOUT });
    try {
      for await (const { data } of answers) {
        const answer = connectionsOf(data);
        if (answer?.serverName === serverName) return [answer];
      }
    } catch {
      // The hub says that nobody listens.
    }
    return [];
  });
}

/** A connection that ends meanwhile makes others move up, and be missed: whoever asks asks again. */
async function usersOf(limit: number, ask: (offset: number) => Promise<Connections[]>): Promise<Set<string>> {
  const users = new Set<string>();
  for (let offset = 0; ; offset += limit) {
    const answers = await ask(offset);
    for (const user of answers.flatMap((answer) => answer.users)) users.add(user);
    if (!answers.some(({ more }) => more)) return users;
  }
}

function connectionsOf(payload: Uint8Array): Connections | undefined {
  try {
    return parseConnections(payload);
  } catch {
    return undefined;
  }
}
