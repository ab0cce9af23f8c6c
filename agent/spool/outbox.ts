import { type ServiceError, status } from '@grpc/grpc-js';
import { sentenceOf } from '../agent-error.js';
import type { Log } from '../log.js';
import type { Spool } from './spool.js';

/** What is kept of something that could not be sent. */
export interface Kept<Item> {
  /** One of them is called so. */
  noun: string;
  encode: (item: Item) => Buffer;
  decode: (content: Buffer) => Item;
}

export interface OutboxOptions<Item> {
  kept: Kept<Item>;
  spool: Spool;
  isConnected: () => boolean;
  /** Sends them in their order. @throws what the call throws */
  send: (items: readonly Item[]) => Promise<void>;
  log: Log;
}

/** What is on its way to the gateway: sent at once, or kept until it can be, and then sent in the order in which it was made. */
export class Outbox<Item> {
  #isDraining = false;
  #isFull = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(private readonly options: OutboxOptions<Item>) {}

  /** Sends an item, or keeps it, after those that came before. It throws nothing. */
  put(item: Item): Promise<void> {
    return (this.#turn = this.#turn.then(() => this.sendOrKeep(item)));
  }

  /** Sends what was kept, as long as the gateway takes it. It throws nothing. */
  async drain(): Promise<void> {
    const { kept, spool, isConnected, send, log } = this.options;
    if (this.#isDraining) return;
    this.#isDraining = true;
    let sent = 0;
    try {
      while (isConnected()) {
        const batch = spool.oldest();
        if (batch === undefined) break;
        const items = batch.records.map(({ content }) => kept.decode(content));
        await send(items).catch((error: unknown) => (isUnusable(error) ? this.sendSingly(items) : Promise.reject(error as Error)));
        spool.remove(batch.segment);
        sent += items.length;
      }
    } catch {
      // The connection has said why. What is left is tried again with the next one.
    } finally {
      this.#isDraining = false;
    }
    if (sent > 1) log.info('sent what was kept', { [`${kept.noun}s`]: sent, dropped: spool.dropped });
  }

  private async sendOrKeep(item: Item): Promise<void> {
    const { spool, isConnected, send } = this.options;
    if (!isConnected() || !spool.isEmpty || this.#isDraining) {
      this.keep(item);
      return this.drain();
    }
    try {
      await send([item]);
    } catch (error) {
      // What could not be sent just now is tried again with the next one.
      if (isUnusable(error)) this.giveUp(error);
      else this.keep(item);
    }
  }

  private async sendSingly(items: readonly Item[]): Promise<void> {
    for (const item of items) {
      await this.options.send([item]).catch((error: unknown) => (isUnusable(error) ? this.giveUp(error) : Promise.reject(error as Error)));
    }
  }

  private keep(item: Item): void {
    const { kept, spool, log } = this.options;
    try {
      spool.append(kept.encode(item));
      this.#isFull = false;
    } catch (error) {
      if (!this.#isFull) log.error(`a ${kept.noun} cannot be kept, and is lost; so are those that follow, until there is room`, { error: sentenceOf(error) });
      this.#isFull = true;
    }
  }

  private giveUp(error: unknown): void {
    const { kept, spool, log } = this.options;
    spool.giveUp(1);
    log.error(`the gateway does not take a ${kept.noun}, which is left out`, { error: (error as ServiceError).details });
  }
}

/** Sent again, it would be refused again. */
const isUnusable = (error: unknown): boolean => (error as Partial<ServiceError>).code === status.INVALID_ARGUMENT;
