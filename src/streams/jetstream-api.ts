import type { NatsConnection } from '@nats-io/transport-node';
import { DomainError } from '#libs/kernel';
import { begun, EVENTS_STREAM, hubStreamName, parseStreamAnswer, parseStreamInfo, type StreamAnswer, type StreamConfig, type StreamInfo, type StreamPlan, streamRequest } from '#libs/nats';

/** How long the hub may take to answer, in milliseconds. Adding the source of a site that waits long takes a while. */
const HUB_TIMEOUT = 10_000;

/** How long a leaf may: nobody else's stream waits for one that is silent. */
const LEAF_TIMEOUT = 3_000;

export interface LookedAt extends StreamInfo {
  config: StreamConfig;
}

/** A stream of a tenant: `events` of a leaf or of the hub, or a shard of the hub's. */
export class EventsStream {
  private constructor(
    private readonly connection: NatsConnection,
    private readonly stream: string,
    private readonly domain?: string,
  ) {}

  /** @param domain the leaf's JetStream domain */
  static atLeaf(connection: NatsConnection, domain: string): EventsStream {
    return new EventsStream(connection, EVENTS_STREAM, domain);
  }

  /** @param shard 0 is `events` itself */
  static atHub(connection: NatsConnection, shard: number): EventsStream {
    return new EventsStream(connection, hubStreamName(shard));
  }

  /** @returns its configuration; undefined when there is none yet */
  async current(): Promise<StreamConfig | undefined> {
    const answer = parseStreamAnswer(await this.request('info'));
    return answer.kind === 'not_found' ? undefined : this.accepted(answer);
  }

  /** @returns its configuration and state; undefined when there is none yet */
  async look(): Promise<LookedAt | undefined> {
    const data = await this.request('info');
    const answer = parseStreamAnswer(data);
    return answer.kind === 'not_found' ? undefined : { config: this.accepted(answer), ...parseStreamInfo(data) };
  }

  /** @returns the configuration as it is then */
  async carryOut(plan: StreamPlan, current: StreamConfig | undefined): Promise<StreamConfig> {
    if (plan.kind === 'none') return current!;
    if (plan.kind === 'update') return this.update(plan.config);
    const made = this.accepted(parseStreamAnswer(await this.request('create', plan.config)));
    return plan.config.first_seq === undefined ? made : this.update(begun(made));
  }

  async update(config: StreamConfig): Promise<StreamConfig> {
    return this.accepted(parseStreamAnswer(await this.request('update', config)));
  }

  private async request(verb: 'create' | 'update' | 'info', config?: StreamConfig): Promise<Uint8Array> {
    const { stream, domain } = this;
    const subject = streamRequest(verb, { stream, domain });
    try {
      const payload = config === undefined ? undefined : JSON.stringify(config);
      const { data } = await this.connection.request(subject, payload, { timeout: domain === undefined ? HUB_TIMEOUT : LEAF_TIMEOUT });
      return data;
    } catch (cause) {
      throw new DomainError('hub_unreachable', `JetStream of ${domain ?? 'the hub'} does not answer.`, {
        context: { subject },
        cause,
        retryable: true,
      });
    }
  }

  private accepted(answer: StreamAnswer): StreamConfig {
    if (answer.kind === 'stream') return answer.config;
    throw new DomainError('conflict', `JetStream of ${this.domain ?? 'the hub'} refused the stream.`, { context: { answer }, retryable: true });
  }
}

/** Whether a server has answered, and does not want the stream so. */
export const isRefusal = (error: unknown): boolean => error instanceof DomainError && error.code === 'conflict';
