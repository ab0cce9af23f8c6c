import type { AgentReceipt, AgentStatusChunk, AgentStatuses as Statuses } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { type AgentPeer, type AgentStatuses, assertSelf, readStatuses } from '../agents/index.js';
import type { Reader } from './gateway-calls.js';

/** Takes statuses as they come over the wire. They are received when they are committed. */
export class StatusIntake {
  constructor(
    private readonly statuses: AgentStatuses,
    private readonly gatewayId: string,
  ) {}

  /**
   * @throws DomainError `forbidden`, `validation_failed`; `unavailable` when so many wait to be written that calls would only add to it;
   *   `illegal_transition` when the agent has never said hello
   */
  async push(peer: AgentPeer, message: Statuses): Promise<AgentReceipt> {
    if (this.statuses.isCrowded) throw new DomainError('unavailable', 'More statuses come than can be written right now. Try again.', { retryable: true });
    const { committed } = await this.take(peer, message);
    await committed;
    return { received: true };
  }

  /** What comes while a part of it is written is taken meanwhile, as long as there is room. */
  reader(peer: AgentPeer): Reader<AgentStatusChunk, AgentReceipt> {
    const order = new ChunkOrder();
    let failure: { error: unknown } | undefined;
    const writing = new Set<Promise<void>>();
    const assertWritten = () => {
      if (failure !== undefined) throw failure.error;
    };
    return {
      take: async (chunk) => {
        assertWritten();
        order.check(chunk);
        const { committed } = await this.take(peer, chunk);
        const written = committed.catch((error: unknown) => void (failure ??= { error })).finally(() => writing.delete(written));
        writing.add(written);
      },
      end: async () => {
        await Promise.all(writing);
        assertWritten();
        return { received: true };
      },
    };
  }

  private take(peer: AgentPeer, message: Statuses): Promise<{ committed: Promise<void> }> {
    assertSelf(peer, message);
    return this.statuses.take({ peer, gatewayId: this.gatewayId, statuses: readStatuses(peer, message.services) });
  }
}

/** Whether pieces come one after the other. Who says no total has no pieces. */
class ChunkOrder {
  #next = 0;

  /** @throws DomainError `validation_failed` */
  check({ chunk_index, total_chunks, is_final }: AgentStatusChunk): void {
    if (total_chunks === 0) return;
    if (chunk_index !== this.#next || chunk_index >= total_chunks) {
      throw new DomainError('validation_failed', `chunk_index is ${chunk_index} of ${total_chunks}, and ${this.#next} was to come. What came before it is kept.`);
    }
    this.#next = is_final || chunk_index === total_chunks - 1 ? 0 : chunk_index + 1;
  }
}
