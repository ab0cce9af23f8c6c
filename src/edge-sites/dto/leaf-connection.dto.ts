import type { LeafConnection } from '#libs/model';

export class LeafConnectionDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f" */
  id!: string;

  /**
   * The generation of the credentials that the leaf connected with.
   * @example 1
   */
  generation!: number;

  /** @example "2026-11-24T10:05:00.000Z" */
  connected_at!: string;

  /**
   * Null while it lasts.
   * @example "2026-11-24T11:20:31.000Z"
   */
  disconnected_at!: string | null;

  /**
   * Why it ended, in the hub's words: `Client Closed`, `Stale Connection`, `Credentials Revoked`, `Authentication Expired` and so on. Null when the hub
   * did not say: a server of it died, or another connection took this one's place.
   * @example "Stale Connection"
   */
  reason!: string | null;
}

export const toLeafConnectionDto = ({ id, generation, connectedAt, disconnectedAt, reason }: LeafConnection): LeafConnectionDto => ({
  id,
  generation,
  connected_at: connectedAt.toISOString(),
  disconnected_at: disconnectedAt?.toISOString() ?? null,
  reason: reason ?? null,
});
