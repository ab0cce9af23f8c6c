import type { NatsConnection } from '@nats-io/transport-node';
import { DomainError } from '#libs/kernel';
import { parseStreamAnswer, type StreamConfig, type StreamPlan, streamRequest } from '#libs/nats';

/** How long the hub may take to answer, in milliseconds. Adding the source of a site that waits long takes a while. */
const HUB_TIMEOUT = 10_000;

/** How long a leaf may: nobody else's stream waits for one that is silent. */
const LEAF_TIMEOUT = 3_000;

/** The stream `events` of one JetStream domain. */
export class EventsStream {
  /** @param domain a leaf's domain; the hub's own when absent */
  constructor(
    private readonly connection: NatsConnection,
    private readonly domain?: string,
  ) {}

  /** @returns its configuration; undefined when there is none yet */
  async current(): Promise<StreamConfig | undefined> {
    const answer = await this.ask('info');
    if (answer.kind === 'not_found') return undefined;
    return this.accepted(answer);
  }

  /** @returns the configuration as it is then */
  async carryOut(plan: StreamPlan, current: StreamConfig | undefined): Promise<StreamConfig> {
    if (plan.kind === 'none') return current!;
    return this.accepted(await this.ask(plan.kind, plan.config));
  }

  async update(config: StreamConfig): Promise<StreamConfig> {
    return this.accepted(await this.ask('update', config));
  }

  private async ask(verb: 'create' | 'update' | 'info', config?: StreamConfig) {
    const subject = streamRequest(verb, this.domain);
    try {
      const payload = config === undefined ? undefined : JSON.stringify(config);
      const { data } = await this.connection.request(subject, payload, { timeout: this.domain === undefined ? HUB_TIMEOUT : LEAF_TIMEOUT });
      return parseStreamAnswer(data);
    } catch (cause) {
      throw new DomainError('hub_unreachable', `JetStream of ${this.domain ?? 'the hub'} does not answer.`, {
        context: { subject },
        cause,
        retryable: true,
      });
    }
  }

  private accepted(answer: Awaited<ReturnType<EventsStream['ask']>>): StreamConfig {
    if (answer.kind === 'stream') return answer.config;
    throw new DomainError('conflict', `JetStream of ${this.domain ?? 'the hub'} refused the stream.`, { context: { answer }, retryable: true });
  }
}

/** Whether a server has answered, and does not want the stream so. */
export const isRefusal = (error: unknown): boolean => error instanceof DomainError && error.code === 'conflict';
