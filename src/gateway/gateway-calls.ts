import { type handleClientStreamingCall, type handleUnaryCall, type sendUnaryData, type ServerReadableStream, type ServerUnaryCall } from '@grpc/grpc-js';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import type { AgentPeer } from '../agents/index.js';
import { Config } from '../platform/config/index.js';
import { Metrics } from '../platform/metrics/index.js';
import { domainErrorOf } from '../platform/problem/index.js';
import { CallTimeout, grpcError } from './grpc-status.js';
import { type AgentConnection, fingerprintOf, Peers } from './peers.js';
import { TokenBuckets } from './token-buckets.js';

/** How long a call may take at most, in milliseconds; an agent may say less. */
const CALL_LIMIT = 15_000;

/** What streams leave of an agent's limit, so that what it says in single calls is heard while it sends what it has kept for days. */
const LEFT_BY_STREAMS = 0.25;

/** Streams of one agent at a time. */
const STREAMS_OF_AGENT = 4;

/** What takes the messages of a stream. */
export interface Reader<Request, Answer> {
  /** The next message is not read before this resolves. */
  take(message: Request): Promise<void>;
  /** There are no more. */
  end(): Promise<Answer>;
  /** Lets go of what was begun, however the stream has ended. */
  close?(): void;
}

type AnyCall = ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown>;

/** What all calls of agents have in common: who calls, how often, for how long, and what it is answered when it fails. */
@Injectable()
export class GatewayCalls {
  private readonly logger = new Logger(GatewayCalls.name);
  private readonly limits: TokenBuckets;
  readonly #streamsOf = new Map<string, number>();

  constructor(
    private readonly config: Config,
    private readonly peers: Peers,
    metrics: Metrics,
  ) {
    this.limits = new TokenBuckets(config.gatewayRateLimit, () => performance.now());
    metrics.gauges({ gateway_streams: 'Streams of agents that are open' }, [], async ({ gateway_streams }) => gateway_streams.set(peers.live));
  }

  /** A call with one message. */
  unary<Request, Answer>(method: string, handle: (peer: AgentPeer, request: Request) => Promise<Answer>): handleUnaryCall<Request, Answer> {
    return (call, respond) => {
      const connection = connectionOf(call);
      const work = async () => {
        this.admit(connection);
        return handle(await this.peers.identify(connection), call.request);
      };
      void this.answer(method, { call, connection }, respond, () => within(CALL_LIMIT, work()));
    };
  }

  /** A call with as many messages as the agent likes. Whoever sends them faster than they are taken waits. */
  clientStream<Request, Answer>(method: string, open: (peer: AgentPeer) => Reader<Request, Answer>): handleClientStreamingCall<Request, Answer> {
    return (call, respond) => {
      const connection = connectionOf(call);
      // What an agent breaks off is not ours to answer; without a listener it would end the process.
      call.on('error', () => undefined);
      void this.answer(method, { call, connection }, respond, () => this.stream(call, connection, open)).then(() => call.destroy());
    };
  }

  private async stream<Request, Answer>(
    call: ServerReadableStream<Request, Answer>,
    connection: AgentConnection,
    open: (peer: AgentPeer) => Reader<Request, Answer>,
  ): Promise<Answer> {
    this.admit(connection);
    const fingerprint = fingerprintOf(connection.certificate);
    const leave = this.enter(fingerprint);
    const idle = new IdleLimit(this.config.gatewayStreamIdle * 1000);
    let unwatch: (() => void) | undefined;
    let reader: Reader<Request, Answer> | undefined;
    try {
      const peer = await within(CALL_LIMIT, this.peers.identify(connection));
      const ended = new Promise<never>((_resolve, end) => (unwatch = this.peers.watch({ peer, end })));
      reader = open(peer);
      return await Promise.race([this.read(call, { reader, fingerprint, idle }), ended, idle.over]);
    } finally {
      idle.stop();
      unwatch?.();
      reader?.close?.();
      leave();
    }
  }

  private async read<Request, Answer>(
    call: ServerReadableStream<Request, Answer>,
    { reader, fingerprint, idle }: { reader: Reader<Request, Answer>; fingerprint: string; idle: IdleLimit },
  ): Promise<Answer> {
    const take = () => this.limits.take(fingerprint, LEFT_BY_STREAMS);
    let isFirst = true;
    try {
      idle.start();
      for await (const message of call as AsyncIterable<Request>) {
        // As long as the next one is not read, it is not the agent that is waited for.
        idle.stop();
        // The stream itself was counted with its first.
        if (!isFirst) for (let wait = take(); wait > 0; wait = take()) await delay(wait);
        isFirst = false;
        await reader.take(message);
        idle.start();
      }
    } finally {
      idle.stop();
    }
    return reader.end();
  }

  /** @throws DomainError `rate_limited` */
  private admit({ certificate }: AgentConnection): void {
    const wait = this.limits.take(fingerprintOf(certificate));
    if (wait === 0) return;
    const message = `Too many calls: ${this.config.gatewayRateLimit} a minute are let through. Wait ${Math.ceil(wait / 1000)} s.`;
    throw new DomainError('rate_limited', message, { retryable: true });
  }

  /** @throws DomainError `rate_limited` */
  private enter(fingerprint: string): () => void {
    const open = this.#streamsOf.get(fingerprint) ?? 0;
    if (open >= STREAMS_OF_AGENT) throw new DomainError('rate_limited', `An agent has ${STREAMS_OF_AGENT} streams at a time at most.`);
    this.#streamsOf.set(fingerprint, open + 1);
    return () => {
      const left = this.#streamsOf.get(fingerprint)! - 1;
      if (left === 0) this.#streamsOf.delete(fingerprint);
      else this.#streamsOf.set(fingerprint, left);
    };
  }

  private async answer<Answer>(
    method: string,
    { call, connection }: { call: Pick<AnyCall, 'cancelled'>; connection: AgentConnection },
    respond: sendUnaryData<Answer>,
    work: () => Promise<Answer>,
  ): Promise<void> {
    try {
      // gRPC lets a stream that is broken off end as one that is over: what it brought is whole or refused all the same.
      respond(null, await work());
    } catch (cause) {
      // Nobody waits for an answer any more.
      if (call.cancelled) return;
      const error = domainErrorOf(cause);
      this.log(error, { method, sourceAddress: connection.sourceAddress });
      respond(grpcError(error));
    }
  }

  private log(error: DomainError, about: { method: string; sourceAddress: string | null }): void {
    if (error.code === 'internal' && !(error.cause instanceof CallTimeout)) this.logger.error({ err: error, ...about }, 'an agent was not answered');
    else this.logger.warn({ err: error, ...about }, 'an agent was refused');
  }
}

/** Ends a stream on which nothing comes for so long. */
class IdleLimit {
  readonly over: Promise<never>;
  #end: (error: unknown) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param limit milliseconds */
  constructor(private readonly limit: number) {
    this.over = new Promise<never>((_resolve, reject) => (this.#end = reject));
    this.over.catch(() => undefined);
  }

  /** From now on something is waited for. */
  start(): void {
    this.#timer = setTimeout(() => this.#end(timeout(`Nothing came on this stream for ${this.limit / 1000} s.`)), this.limit);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

async function within<T>(limit: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(timeout(`This took longer than ${limit / 1000} s. Try again.`)), limit);
  });
  // It may fail when nobody waits any more.
  work.catch(() => undefined);
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}

const timeout = (message: string) => new DomainError('unavailable', message, { cause: new CallTimeout(message), retryable: true });

/** @throws nothing: TLS lets nobody in who shows no certificate */
function connectionOf(call: AnyCall): AgentConnection {
  const certificate = call.getAuthContext().sslPeerCertificate?.raw ?? Buffer.alloc(0);
  return { certificate, sourceAddress: /^(?<address>.*):\d+$/.exec(call.getPeer())?.groups?.address ?? null };
}
