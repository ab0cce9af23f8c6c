import type { AgentResult, AgentResultChunk } from '#libs/contracts';
import { DomainError } from '#libs/kernel';

/** Bytes of a result at most. */
export const RESULT_MAX = 8 * 1024 * 1024;

/** Pieces of a result at most. */
const PIECES_MAX = 1_024;

interface Begun {
  first: AgentResultChunk;
  pieces: Uint8Array[];
  bytes: number;
}

/** Puts results together that come in pieces, one after the other. */
export class ResultAssembly {
  #begun: Begun | undefined;

  /** Bytes that are held of a result that is not whole yet. */
  get held(): number {
    return this.#begun?.bytes ?? 0;
  }

  /**
   * Takes the next piece.
   * @returns the result, with its last piece
   * @throws DomainError `validation_failed` when the piece is not the next one; `too_large`. What came of the result before is discarded
   */
  add(piece: AgentResultChunk): AgentResult | undefined {
    const begun = this.#begun ?? { first: piece, pieces: [], bytes: 0 };
    this.#begun = undefined;
    const problem = problemOf(begun, piece);
    if (problem !== undefined) throw new DomainError('validation_failed', `${problem} The result is discarded: send all of it again.`);
    const bytes = begun.bytes + piece.payload.length;
    if (bytes > RESULT_MAX) throw new DomainError('too_large', `A result has ${RESULT_MAX} bytes at most. It is discarded.`);
    const pieces = [...begun.pieces, piece.payload];
    if (!piece.is_final) {
      this.#begun = { ...begun, pieces, bytes };
      return undefined;
    }
    return { ...begun.first, payload: pieces.length === 1 ? piece.payload : Buffer.concat(pieces) };
  }

  /** @throws DomainError `validation_failed` when the last result is not whole */
  end(): void {
    if (this.#begun === undefined) return;
    const { first, pieces } = this.#begun;
    this.#begun = undefined;
    throw new DomainError('validation_failed', `The stream ended after ${pieces.length} of ${first.total_chunks} pieces. The result is discarded: send all of it again.`);
  }
}

function problemOf({ first, pieces }: Begun, { result_id, result_type, chunk_index, total_chunks, is_final }: AgentResultChunk): string | undefined {
  if (result_id !== first.result_id || result_type !== first.result_type) return `After ${pieces.length} of ${first.total_chunks} pieces another result begins.`;
  if (total_chunks !== first.total_chunks || total_chunks < 1 || total_chunks > PIECES_MAX) return `total_chunks is ${total_chunks}: 1 to ${PIECES_MAX}, the same in each piece.`;
  if (chunk_index !== pieces.length) return `chunk_index is ${chunk_index}, after ${pieces.length} pieces.`;
  if (is_final !== (chunk_index === total_chunks - 1)) return `is_final is ${is_final} in piece ${chunk_index} of ${total_chunks}.`;
  return undefined;
}
