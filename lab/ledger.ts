import { setTimeout as delay } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { count, read, type StoredMessage } from './messages.js';
import { until } from './until.js';

/** Messages under way at once at each site. */
const PUBLISHERS = 4;

/** Between two messages of one publisher, in milliseconds. */
const PAUSE = 5;

/** How long a publisher waits for an acknowledgement before it says the same again, in milliseconds. Within the leaf's two minutes, it is the same. */
const ACKNOWLEDGEMENT = 1_000;

/** A client at a site, which comes back by itself. */
export interface LedgerSite {
  slug: string;
  connection: NatsConnection;
}

/** Publishes at sites and keeps what was acknowledged, to compare it with what is at the hub and at the sites. */
export class Ledger {
  /** Of each site, the sequences that its leaf has given, by text. */
  readonly #acknowledged = new Map<string, Map<string, number>>();
  #working: Promise<void>[] = [];
  #stopped = true;
  #next = 1;

  constructor(
    private readonly hub: NatsConnection,
    private readonly sites: readonly LedgerSite[],
    private readonly subject: string,
  ) {
    for (const { slug } of sites) this.#acknowledged.set(slug, new Map());
  }

  /** How many messages were acknowledged. */
  get size(): number {
    return [...this.#acknowledged.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Publishes at all sites until it is told to stop. */
  start(): void {
    this.#stopped = false;
    this.#working = this.sites.flatMap((site) => Array.from({ length: PUBLISHERS }, () => this.publish(site)));
  }

  /** Waits until so many more messages are acknowledged at each site. */
  async more(messages: number): Promise<void> {
    const goals = [...this.#acknowledged.values()].map((site) => ({ site, goal: site.size + messages }));
    await until(`${messages} more messages are acknowledged at each site`, () => goals.every(({ site, goal }) => site.size >= goal));
  }

  /** Stops when all that was begun is acknowledged. The leaves have to be there. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#working);
  }

  /**
   * Compares what was acknowledged, all the time, with what is there. Publish nothing meanwhile.
   * @returns what is wrong, in sentences
   */
  async wrongs(): Promise<string[]> {
    const all = await read(this.hub, this.subject, this.size).catch(async () => read(this.hub, this.subject, await count(this.hub, this.subject)));
    const atHub = this.sites.flatMap(({ slug }) => this.compare(slug, all.filter(({ text }) => text.startsWith(`${slug} `))));
    const strange = all.filter(({ text }) => !this.sites.some(({ slug }) => text.startsWith(`${slug} `))).map(({ text }) => `The hub has "${text}".`);
    const crossed = await Promise.all(
      this.sites.map(async ({ slug, connection }) => {
        const stored = await read(connection, this.subject, 0);
        return stored.filter(({ text }) => !text.startsWith(`${slug} `)).map(({ text }) => `${slug} has "${text}".`);
      }),
    );
    return [...atHub, ...strange, ...crossed.flat()];
  }

  private compare(slug: string, stored: readonly StoredMessage[]): string[] {
    const acknowledged = this.#acknowledged.get(slug)!;
    const sequences = new Map<string, number>();
    const wrongs: string[] = [];
    let last = 0;
    for (const { sequence, text } of stored) {
      if (sequences.has(text)) wrongs.push(`"${text}" is at the hub twice, as ${sequences.get(text)} and ${sequence}.`);
      else if (sequence <= last) wrongs.push(`"${text}" is at the hub after its successors.`);
      sequences.set(text, sequence);
      last = Math.max(last, sequence);
    }
    for (const [text, sequence] of acknowledged) {
      const found = sequences.get(text);
      if (found === undefined) wrongs.push(`"${text}" was acknowledged as ${sequence} and is not at the hub.`);
      else if (found !== sequence) wrongs.push(`"${text}" was acknowledged as ${sequence} and is at the hub as ${found}.`);
    }
    return wrongs;
  }

  private async publish({ slug, connection }: LedgerSite): Promise<void> {
    const js = jetstream(connection, { timeout: ACKNOWLEDGEMENT });
    const acknowledged = this.#acknowledged.get(slug)!;
    while (!this.#stopped) {
      const text = `${slug} ${this.#next++}`;
      for (;;) {
        const answer = await js.publish(this.subject, text, { msgID: text }).catch(() => undefined);
        if (answer !== undefined) {
          acknowledged.set(text, answer.seq);
          break;
        }
        await delay(PAUSE);
      }
      await delay(PAUSE);
    }
  }
}
