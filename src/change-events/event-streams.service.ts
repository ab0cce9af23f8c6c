import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { Authenticator, Caller } from '../platform/auth/index.js';
import { isDatabaseAway } from '../platform/database/index.js';
import { ChangeFeed } from './change-feed.js';
import { EventStream } from './event-stream.js';
import { PermittedChanges } from './permitted-changes.js';

/** How often it is looked who may still listen, and who does not read, in milliseconds. */
const LOOK = 5_000;

/** How long what was sent may wait to be read, in milliseconds. */
const PATIENCE = 30_000;

/** Streams in one process. */
const PER_CALLER = 20;
const PER_TENANT = 200;

/** How somebody has shown who they are. */
export interface Shown {
  /** The header’s value. */
  authorization: string | undefined;
  /** The header X-Tenant. */
  tenant: string | undefined;
}

/** The event streams of this process. */
@Injectable()
export class EventStreams implements OnModuleInit, OnModuleDestroy {
  readonly #streams = new Map<EventStream, Shown>();
  #look: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(
    private readonly feed: ChangeFeed,
    private readonly permitted: PermittedChanges,
    private readonly authenticator: Authenticator,
  ) {}

  onModuleInit(): void {
    this.#look = setInterval(() => void this.look(), LOOK).unref();
  }

  onModuleDestroy(): void {
    this.#isStopping = true;
    clearInterval(this.#look);
    for (const stream of this.#streams.keys()) stream.end();
  }

  /**
   * What changes in the caller’s tenant, from now on or from after what was heard last. It ends when the process does, and within seconds when the
   * caller may not listen any more.
   * @throws DomainError `tenant_required`; `rate_limited` when there are as many already as there may be; `unavailable` when the process stops
   */
  open(caller: Caller, shown: Shown, lastEventId: string | undefined): EventStream {
    if (this.#isStopping) throw new DomainError('unavailable', 'This process stops. Try again.', { retryable: true });
    const { tenantId, principal } = caller;
    const open = [...this.#streams.keys()].map((stream) => stream.caller);
    refuseMore(open.filter((one) => one.principal.actor === principal.actor).length, PER_CALLER, 'with this key');
    refuseMore(open.filter((one) => one.tenantId === tenantId).length, PER_TENANT, 'in this tenant');
    const stream = new EventStream(caller, lastEventId, this.feed, this.permitted);
    this.#streams.set(stream, shown);
    stream.readable.once('close', () => this.#streams.delete(stream));
    return stream;
  }

  /** How many have something that nobody has read yet. */
  get waiting(): number {
    const now = Date.now();
    return [...this.#streams.keys()].filter((stream) => stream.unreadFor(now) > 100).length;
  }

  /** Ends the streams of those who may not listen any more, and drops those that nobody reads. */
  async look(now = Date.now()): Promise<void> {
    const streams = [...this.#streams];
    for (const [stream] of streams) if (stream.unreadFor(now) > PATIENCE) stream.drop();
    // Keys that are looked up together are one query.
    await Promise.all(streams.map(([stream, shown]) => this.check(stream, shown)));
  }

  private async check(stream: EventStream, { authorization, tenant }: Shown): Promise<void> {
    const { origin, tenantId } = stream.caller;
    try {
      const caller = new Caller(await this.authenticator.authenticate(authorization, tenant), origin);
      caller.authorize('read', 'EdgeSite');
      if (caller.tenantId === tenantId) stream.caller = caller;
      else stream.end();
    } catch (error) {
      // Without a database, nothing is told to anybody.
      if (!isDatabaseAway(error)) stream.end();
    }
  }
}

function refuseMore(open: number, limit: number, whose: string): void {
  if (open < limit) return;
  throw new DomainError('rate_limited', `There are ${open} event streams ${whose} already: close one.`, { retryable: true });
}
