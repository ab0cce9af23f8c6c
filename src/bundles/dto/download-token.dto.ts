import { IsInt, Max, Min } from 'class-validator';
import type { Secret } from '#libs/kernel';
import { MayBeAbsent } from '../../platform/validation/index.js';

/** A week, in seconds. */
const LONGEST = 7 * 24 * 60 * 60;

export class CreateDownloadTokenDto {
  /**
   * Seconds until the token expires; a day when absent, a week at most.
   * @example 3600
   */
  @MayBeAbsent()
  @IsInt()
  @Min(60)
  @Max(LONGEST)
  expires_in?: number;
}

export class DownloadTokenDto {
  /**
   * Good for one download, which may be started over for five minutes. This is the only time it is shown.
   * @example "q0Xw1bZ1y8hYkq2u3v4w5x6y7z8A9B0CdEfGhIjKlMn"
   */
  token!: string;

  /** @example "2026-11-25T10:00:00.000Z" */
  expires_at!: string;

  /**
   * Downloads the bundle, and starts over when the connection breaks; to be pasted into a shell.
   * @example "(attempt=$(…); for pause in 1 2 4 8 0; do curl -fsS … -o 'edge-site-new-york-plant.tar.gz' 'https://edge.example.com/api/edge-sites/01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70/bundle' && …; done; exit $code)"
   */
  command!: string;
}

export const toDownloadTokenDto = ({ token, expiresAt, command }: { token: Secret; expiresAt: Date; command: string }): DownloadTokenDto => ({
  token: token.reveal(),
  expires_at: expiresAt.toISOString(),
  command,
});
