import { Readable } from 'node:stream';
import { Logger } from '@nestjs/common';
import type { Caller } from '../platform/auth/index.js';
import { isDatabaseAway } from '../platform/database/index.js';
import type { ChangeFeed } from './change-feed.js';
import { changed, greeting, mark, reset } from './event-text.js';
import type { PermittedChanges } from './permitted-changes.js';
import { type Position, parsePosition } from './position.js';

/** How long a stream says nothing at most, in milliseconds: proxies end what seems dead. */
const HEARTBEAT = 15_000;

/** How soon it is tried again when the database is away, in milliseconds. */
const TRY_AGAIN = 1_000;

/** How long whoever is told to stop may take to read what was written already, in milliseconds. */
const LAST_WORDS = 1_000;

/** Bytes that are made ahead of whoever reads. */
const AHEAD = 16 * 1024;

/** What one client hears. It is made as it is read: who reads slowly has nothing piled up here. */
export class EventStream {
  readonly readable: Readable;
  /** Whoever is still to be told; taken anew when their key is looked at again. */
  caller: Caller;
  readonly #logger = new Logger(EventStream.name);
  readonly #stop = new AbortController();
  readonly #tenantId: string;
  #writtenAt = Date.now();
  #isUnread = false;

  /** @param lastEventId what the client heard last; undefined for one that begins */
  constructor(
    caller: Caller,
    lastEventId: string | undefined,
    private readonly feed: ChangeFeed,
    private readonly permitted: PermittedChanges,
  ) {
    this.caller = caller;
    this.#tenantId = caller.tenantId;
    this.readable = Readable.from(this.texts(lastEventId), { objectMode: false, highWaterMark: AHEAD });
    const leave = feed.join();
    this.readable.once('close', () => {
      this.#stop.abort();
      leave();
    });
  }

  /** How long what was made last has waited to be read, in milliseconds. */
  unreadFor(now: number): number {
    return this.#isUnread ? now - this.#writtenAt : 0;
  }

  /** Ends it in order: the client comes again, and misses nothing. */
  end(): void {
    this.#stop.abort();
    setTimeout(() => this.drop(), LAST_WORDS).unref();
  }

  /** Cuts it off. */
  drop(): void {
    // It is destroyed once what makes it is done.
    this.#stop.abort();
    this.readable.destroy();
  }

  private async *texts(lastEventId: string | undefined): AsyncGenerator<string> {
    for await (const text of this.told(lastEventId)) {
      this.#writtenAt = Date.now();
      this.#isUnread = true;
      yield text;
      this.#isUnread = false;
    }
  }

  private async *told(lastEventId: string | undefined): AsyncGenerator<string> {
    const given = lastEventId === undefined ? undefined : parsePosition(lastEventId);
    let at = given ?? (await this.feed.now());
    // What is no position of ours says nothing of what was heard.
    yield lastEventId !== undefined && given === undefined ? greeting(at) + reset(at) : greeting(at);
    while (!this.#stop.signal.aborted) {
      const told = await this.next(at);
      at = told.at;
      if (told.text !== '') yield told.text;
      else if (Date.now() - this.#writtenAt >= HEARTBEAT) yield mark(at);
      if (told.more) continue;
      const time = told.isAway ? TRY_AGAIN : Math.max(0, this.#writtenAt + HEARTBEAT - Date.now());
      await this.feed.wait(at, time, this.#stop.signal);
    }
  }

  private async next(at: Position): Promise<{ text: string; at: Position; more: boolean; isAway?: boolean }> {
    try {
      const { changes, end, more, gone } = await this.feed.read(this.#tenantId, at);
      if (gone) {
        const now = await this.feed.now();
        return { text: reset(now), at: now, more: true };
      }
      const permitted = await this.permitted.of(this.caller, changes);
      return { text: permitted.map(changed).join(''), at: end, more };
    } catch (error) {
      if (isDatabaseAway(error)) return { text: '', at, more: false, isAway: true };
      this.#logger.error({ err: error }, 'an event stream ends');
      throw error;
    }
  }
}
