import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type ServiceError, status } from '@grpc/grpc-js';
import type { AgentHello, AgentHelloAnswer } from '../../libs/contracts/index.js';
import { AgentError } from '../agent-error.js';
import type { Clock, GatewayClock, Random } from '../clock.js';
import type { GatewayFile } from '../identity/gateway-file.js';
import type { Identity } from '../identity/identity.js';
import type { Log } from '../log.js';
import { backoff } from './backoff.js';
import { explainClock, failureOf } from './failure.js';
import { GatewayClient } from './gateway-client.js';

export interface ConnectionOptions {
  gateway: GatewayFile;
  /** What it can show, in the order in which it is tried. */
  identities: readonly Identity[];
  hello: () => Partial<AgentHello>;
  /** It is there, and has said hello. */
  onConnected: (answer: AgentHelloAnswer) => void;
  clock: Clock;
  gatewayClock: GatewayClock;
  random: Random;
  log: Log;
}

/** How often to look whether this machine's addresses have changed, in milliseconds. */
const LOOK_INTERVAL = 1_000;

/** The agent's connection to the gateway: opened, greeted, and opened again for as long as the agent runs. */
export class Connection {
  #client: GatewayClient | undefined;
  #identities: [Identity, ...Identity[]];
  #failures = 0;
  /** What fails now, by what was asked. */
  readonly #failing = new Map<string, { sentence: string; isAllSaid: boolean }>();
  #lost: (() => void) | undefined;

  constructor(private readonly options: ConnectionOptions) {
    this.#identities = [...options.identities] as [Identity, ...Identity[]];
  }

  get isConnected(): boolean {
    return this.#client !== undefined;
  }

  /** What it shows. */
  get identity(): Identity {
    return this.#identities[0];
  }

  /** Connects, and connects again whenever the connection is lost, until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    const { random, log } = this.options;
    while (!signal.aborted) {
      try {
        await this.connect(this.identity);
        await this.lost(signal);
        if (!signal.aborted) log.warn('the connection to the gateway is lost');
      } catch (error) {
        await this.say('connection', error);
        if (this.isRefusal(error)) this.#identities.push(this.#identities.shift()!);
      }
      this.disconnect();
      this.#failures += 1;
      await this.pause(backoff(this.#failures, random), signal);
    }
  }

  /**
   * Asks the gateway for something.
   * @param about tells what is asked for from other things: each fails for reasons of its own
   * @throws AgentError while there is no connection; what the call throws
   */
  async ask<Answer>(about: string, call: (client: GatewayClient) => Promise<Answer>): Promise<Answer> {
    const client = this.#client;
    if (client === undefined) throw new AgentError('The gateway cannot be reached now.');
    try {
      const answer = await call(client);
      this.#failing.delete(about);
      return answer;
    } catch (error) {
      // What was given up with its connection is no news.
      if (this.#client === client) await this.say(about, error, client.isReady);
      // Whether the connection itself is lost, it tells. A gateway that only has no time keeps it.
      if ((error as ServiceError).code === status.UNAUTHENTICATED && this.#client === client) this.#lost?.();
      throw error;
    }
  }

  /**
   * Changes to another identity: a second connection is opened with it, and takes the place of the first. When it is refused, all stays as it
   * was; when it is not known what became of it, it is what is tried first from now on.
   * @throws what saying hello with it throws
   */
  async become(identity: Identity): Promise<void> {
    const next = new GatewayClient(this.options.gateway, identity);
    try {
      await next.hello(this.options.hello());
    } catch (error) {
      next.close();
      if (!this.isRefusal(error)) {
        this.#identities.unshift(identity);
        this.#lost?.();
      }
      throw error;
    }
    const before = this.#client;
    this.#identities = [identity];
    this.#client = next;
    next.onLost(() => this.#client === next && this.#lost?.());
    before?.close();
  }

  /** Whether the gateway has said that it does not take what it was shown. */
  isRefusal(error: unknown): boolean {
    return failureOf(error, this.options.gateway).kind === 'refused';
  }

  private async connect(identity: Identity): Promise<void> {
    const { gateway, gatewayClock, clock, hello, log, onConnected } = this.options;
    const client = new GatewayClient(gateway, identity);
    const asked = clock.now();
    let answer: AgentHelloAnswer;
    try {
      answer = await client.hello(hello());
      if (!answer.accepted) throw new AgentError(`The gateway does not accept this agent: ${answer.message}`);
    } catch (error) {
      client.close();
      throw error;
    }
    gatewayClock.heard(answer.server_time, asked);
    // `become` may have opened one meanwhile.
    this.#client?.close();
    this.#client = client;
    this.#failures = 0;
    this.#failing.clear();
    log.info('connected', { gateway: answer.gateway_id, address: gateway.address, agent: answer.agent_id });
    const offset = Math.round((gatewayClock.offset ?? 0) / 1000);
    if (offset !== 0) log.warn(`clock_skew: this machine's clock differs from the gateway's. Times are told by the gateway's; set the clock (timedatectl set-ntp true).`, { seconds: offset });
    onConnected(answer);
  }

  private lost(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        signal.removeEventListener('abort', end);
        resolve();
      };
      this.#lost = end;
      signal.addEventListener('abort', end);
      const client = this.#client;
      client?.onLost(() => this.#client === client && end());
      if (signal.aborted) end();
    });
  }

  private disconnect(): void {
    this.#lost = undefined;
    const client = this.#client;
    this.#client = undefined;
    client?.end();
  }

  /** What goes on is said once, and what there is to say of the clock as soon as that is known. */
  private async say(about: string, error: unknown, isConnected = false): Promise<void> {
    const { gateway, clock, log } = this.options;
    const { kind, sentence } = error instanceof AgentError ? { kind: 'failed', sentence: error.message } : failureOf(error, gateway, isConnected);
    const said = [...this.#failing.values()].find((one) => one.sentence === sentence);
    const failing = said ?? { sentence, isAllSaid: kind !== 'clock' };
    this.#failing.set(about, failing);
    if (said?.isAllSaid) return;
    const explanation = kind === 'clock' ? await explainClock(gateway, clock.now()) : undefined;
    failing.isAllSaid ||= explanation !== undefined;
    if (said === undefined || explanation !== undefined) log.error(explanation ?? sentence, { kind });
  }

  /** Waits, but not once this machine has got other addresses: its network is back, or is another. */
  private async pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    const [until, before] = [clock.elapsed() + milliseconds, addresses()];
    while (!signal.aborted && clock.elapsed() < until && addresses() === before) {
      await delay(Math.min(LOOK_INTERVAL, Math.max(1, until - clock.elapsed())), undefined, { signal }).catch(() => undefined);
    }
  }
}

const addresses = (): string =>
  Object.values(networkInterfaces())
    .flatMap((all) => (all ?? []).map(({ address }) => address))
    .sort()
    .join(' ');
