import type { AgentReceipt, AgentResultChunk } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { type AgentPeer, type AgentResults, ResultAssembly, Room } from '../agents/index.js';
import type { Reader } from './gateway-calls.js';

/** Bytes of results that are not whole yet, of all streams of this process. */
const ROOM = new Room(128 * 1024 * 1024);

/** Takes results that come in pieces: each is published when it is whole, and the next one taken when that is done. */
export class ResultReader implements Reader<AgentResultChunk, AgentReceipt> {
  readonly #assembly = new ResultAssembly();
  #held = 0;

  constructor(
    private readonly results: AgentResults,
    private readonly peer: AgentPeer,
  ) {}

  async take(piece: AgentResultChunk): Promise<void> {
    this.results.check(this.peer, piece);
    this.hold(piece.payload.length);
    const result = this.#assembly.add(piece);
    if (result === undefined) return;
    await this.results.publish(this.peer, result);
    this.close();
  }

  async end(): Promise<AgentReceipt> {
    this.#assembly.end();
    return { received: true };
  }

  close(): void {
    if (this.#held > 0) ROOM.leave(this.#held);
    this.#held = 0;
  }

  /** Waiting for room could take for ever, when all who have some wait for more. */
  private hold(bytes: number): void {
    if (!ROOM.tryEnter(bytes)) throw new DomainError('unavailable', 'Too many large results come right now. Try again.', { retryable: true });
    this.#held += bytes;
  }
}
