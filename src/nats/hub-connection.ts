import { setTimeout as delay } from 'node:timers/promises';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { systemServicePermissions } from '#libs/nats';
import { HubClient, type HubUser } from './hub-client.js';
import { OperatorService } from './operator.service.js';

/** How long the hub may take to answer, in milliseconds. */
const REQUEST_TIMEOUT = 3_000;

/** Answers of several servers are complete when no further one has come for this long, in milliseconds. */
const ANSWERS_STALL = 150;

/** Milliseconds between two tries to reach a hub that has not been there yet. */
const FIRST_CONNECT_INTERVAL = 200;

type Listener = (connection: NatsConnection) => void | Promise<void>;

/** The control plane's connection to the hub's system account. While the hub is away it tries again, for ever. */
@Injectable()
export class HubConnection implements OnApplicationShutdown {
  readonly #listeners: Listener[] = [];
  #connection: NatsConnection | undefined;
  #connected = false;
  #stopped = false;
  private readonly logger = new Logger(HubConnection.name);

  constructor(
    private readonly client: HubClient,
    private readonly operator: OperatorService,
  ) {}

  get connected(): boolean {
    return this.#connected;
  }

  /** Calls back at once if the hub is there, and each time that it comes. */
  onConnected(listener: Listener): void {
    this.#listeners.push(listener);
    if (this.#connection && this.#connected) this.tell(listener, this.#connection);
  }

  /** Returns at once; whoever needs the connection listens. */
  start(): void {
    this.run().catch((error: unknown) => this.logger.error({ err: error }, 'the connection to the hub ended'));
  }

  /** @throws DomainError `hub_unreachable` */
  async request(subject: string, payload?: Uint8Array): Promise<Uint8Array> {
    try {
      const answer = await this.current.request(subject, payload, { timeout: REQUEST_TIMEOUT });
      return answer.data;
    } catch (cause) {
      throw unreachable(cause);
    }
  }

  /**
   * The answers of all the hub's servers, as far as they come: how many there are is not known.
   * @param options.stall milliseconds without a further answer after which they are taken to be complete
   * @throws DomainError `hub_unreachable`
   */
  async requestAll(subject: string, payload?: Uint8Array, { stall = ANSWERS_STALL } = {}): Promise<Uint8Array[]> {
    try {
      const answers: Msg[] = [];
      const options = { strategy: 'stall', stall, maxWait: REQUEST_TIMEOUT } as const;
      for await (const answer of await this.current.requestMany(subject, payload, options)) answers.push(answer);
      if (answers.length > 0) return answers.map(({ data }) => data);
    } catch (cause) {
      throw unreachable(cause);
    }
    // Silence is not "there is nothing".
    throw unreachable(undefined);
  }

  async onApplicationShutdown(): Promise<void> {
    this.#stopped = true;
    this.#connected = false;
    await this.#connection?.close();
  }

  private get current(): NatsConnection {
    if (this.#connection === undefined || !this.#connected) throw unreachable(undefined);
    return this.#connection;
  }

  private async run(): Promise<void> {
    const { systemAccount, systemAccountKey } = this.operator;
    const user = {
      name: 'control-plane',
      account: systemAccount.publicKey,
      signer: systemAccountKey,
      permissions: systemServicePermissions(),
    };
    const connection = await this.firstConnection(user);
    if (connection === undefined || this.#stopped) return connection?.close();
    this.#connection = connection;
    this.arrived(connection);
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        this.#connected = false;
        if (!this.#stopped) this.logger.warn('the hub is away');
      }
      if (status.type === 'reconnect') this.arrived(connection);
    }
  }

  /** Tries until the hub is there. The client's own waiting could not be ended when the process is to stop. */
  private async firstConnection(user: HubUser): Promise<NatsConnection | undefined> {
    for (let said = false; !this.#stopped; await delay(FIRST_CONNECT_INTERVAL)) {
      try {
        return await this.client.connect(user);
      } catch (error) {
        if (!said) this.logger.warn({ err: error }, 'the hub is not there yet');
        said = true;
      }
    }
    return undefined;
  }

  private arrived(connection: NatsConnection): void {
    this.#connected = true;
    this.logger.log('connected to the hub');
    for (const listener of this.#listeners) this.tell(listener, connection);
  }

  private tell(listener: Listener, connection: NatsConnection): void {
    Promise.resolve()
      .then(() => listener(connection))
      .catch((error: unknown) => this.logger.warn({ err: error }, 'what was to happen when the hub came did not'));
  }
}

const unreachable = (cause: unknown) =>
  new DomainError('hub_unreachable', 'The hub does not answer. Try again when it is back.', { cause, retryable: true });
