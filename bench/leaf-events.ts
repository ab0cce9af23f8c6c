import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { LEAF_LINKS_SUBJECT, leafServerName } from '#libs/nats';

/** The user of a leaf, for its messages or its control link. */
export interface LeafUser {
  publicKey: string;
  account: string;
  slug: string;
}

/** How often events are sent that are sent at a rate, in milliseconds. */
const TICK = 10;

/** Public key of a server that there is not. */
const SERVER = { name: 'nats-bench', id: `N${'B'.repeat(55)}`, ver: '2.15.1' };

/**
 * A server of the hub as far as its events go: leaves connect to it and leave it, one after the other, over and over. Asked for its links, it
 * lists those that there are.
 */
export class LeafEvents {
  /** Connections by the leaf's user, as they are numbered. */
  readonly #links = new Map<LeafUser, number>();
  #last = 0;
  #next = 0;

  constructor(
    private readonly connection: NatsConnection,
    private readonly users: readonly LeafUser[],
  ) {
    connection.subscribe(LEAF_LINKS_SUBJECT, {
      callback: (_error, message) => {
        const leafs = [...this.#links].map(([{ account, slug }, id]) => ({ id, account, name: leafServerName(slug) }));
        message.respond(JSON.stringify({ server: SERVER, data: { server_id: SERVER.id, leafs } }));
      },
    });
  }

  /** Connections that there are now. */
  get links(): number {
    return this.#links.size;
  }

  /** As many as fit into the connection. */
  async burst(events: number): Promise<number> {
    for (let sent = 0; sent < events; sent++) this.send();
    await this.connection.flush();
    return events;
  }

  /** @param rate events a second */
  async steady(rate: number, seconds: number): Promise<number> {
    const begin = performance.now();
    let sent = 0;
    while (sent < rate * seconds) {
      const due = Math.min(rate * seconds, ((performance.now() - begin) / 1000) * rate);
      for (; sent < due; sent++) this.send();
      await delay(TICK);
    }
    return sent;
  }

  /** The next one comes, or goes if it is there (nats-server, server/events.go, ConnectEventMsg and DisconnectEventMsg). */
  private send(): void {
    const user = this.users[this.#next++ % this.users.length]!;
    const link = this.#links.get(user);
    const id = link ?? ++this.#last;
    if (link === undefined) this.#links.set(user, id);
    else this.#links.delete(user);
    const event = {
      type: `io.nats.server.advisory.v1.client_${link === undefined ? 'connect' : 'disconnect'}`,
      timestamp: new Date().toISOString(),
      server: SERVER,
      client: { start: new Date().toISOString(), host: '127.0.0.1', id, acc: user.account, user: user.publicKey, name: leafServerName(user.slug), kind: 'Leafnode' },
      ...(link !== undefined && { reason: 'Client Closed' }),
    };
    this.connection.publish(`$SYS.ACCOUNT.${user.account}.${link === undefined ? 'CONNECT' : 'DISCONNECT'}`, JSON.stringify(event));
  }
}
