import { ArrayMaxSize, IsArray, IsInt, IsString, Max, MaxLength, Min } from 'class-validator';
import type { NatsAccount, NatsUser, NatsUserPurpose } from '#libs/model';
import type { SignedArtifactStatus } from '#libs/lifecycle';
import { ApiProperty } from '@nestjs/swagger';
import { IsDisplayName } from '../../platform/validation/index.js';

/** A day, in seconds. */
const LONGEST = 24 * 60 * 60;

export class NatsAccountDto {
  /**
   * The account's public key, the same on the hub and on all leaves.
   * @example "ABVZ5LWNIXKQ4HRB6F5ZCSLPOVPBDVRTBEU7FBMNTQWVXVW3QMV6L7GQ"
   */
  public_key!: string;

  /**
   * Whether the hub has confirmed the newest state of the account.
   * @example true
   */
  pushed!: boolean;

  /**
   * When it last confirmed one.
   * @example "2026-11-24T10:00:01.000Z"
   */
  pushed_at!: string | null;

  /**
   * How many users are revoked and not expired yet.
   * @example 0
   */
  revoked_users!: number;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;
}

export class CreateNatsCredentialDto {
  /**
   * Whose it is, or what for. 1 to 200 characters, at least one of them visible; no control and no text direction characters.
   * @example "debugging the press shop"
   */
  @IsDisplayName()
  name!: string;

  /**
   * Subjects that may be published to; wildcards are allowed, what NATS keeps for itself is not.
   * @example ["logs.syslog"]
   */
  @IsArray()
  @ArrayMaxSize(64)
  @IsString({ each: true })
  @MaxLength(256, { each: true })
  publish: string[] = [];

  /**
   * Subjects that may be subscribed to, and read from the stream `events` by a consumer that filters for one of them.
   * @example ["logs.>"]
   */
  @IsArray()
  @ArrayMaxSize(64)
  @IsString({ each: true })
  @MaxLength(256, { each: true })
  subscribe: string[] = [];

  /**
   * Seconds until it expires; a day at most.
   * @example 3600
   */
  @IsInt()
  @Min(1)
  @Max(LONGEST)
  expires_in!: number;
}

export class NatsCredentialDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f" */
  id!: string;

  /** @example "debugging the press shop" */
  name!: string;

  /** Whom it is for: a leaf (`leaf` carries its messages, over `leaf_control` it learns of revoked users), a collector or a person. */
  @ApiProperty({ enum: ['leaf', 'leaf_control', 'collector', 'person'], example: 'person' })
  purpose!: NatsUserPurpose;

  @ApiProperty({ enum: ['issued', 'revoked'], example: 'issued' })
  status!: SignedArtifactStatus;

  /** @example "UBVZ5LWNIXKQ4HRB6F5ZCSLPOVPBDVRTBEU7FBMNTQWVXVW3QMV6L7GQ" */
  public_key!: string;

  /**
   * All subjects that it may publish to.
   * @example ["logs.syslog"]
   */
  publish!: string[];

  /**
   * All subjects that it may subscribe to.
   * @example ["logs.>", "_INBOX.>"]
   */
  subscribe!: string[];

  /**
   * The site whose leaf it belongs to.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  edge_site_id!: string | null;

  /**
   * The generation of the leaf.
   * @example 1
   */
  generation!: number | null;

  /** @example "2026-11-24T11:00:00.000Z" */
  expires_at!: string | null;

  /** @example "2026-12-01T10:00:00.000Z" */
  revoked_at!: string | null;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;
}

export class CreatedNatsCredentialDto extends NatsCredentialDto {
  /**
   * The text of a .creds file. This is the only time it is shown.
   * @example "-----BEGIN NATS USER JWT-----\neyJ0…\n------END NATS USER JWT------\n…"
   */
  creds!: string;
}

export const toNatsAccountDto = (account: NatsAccount): NatsAccountDto => ({
  public_key: account.publicKey,
  pushed: account.pushed,
  pushed_at: account.pushedAt?.toISOString() ?? null,
  revoked_users: Object.keys(account.revocations).length,
  created_at: account.createdAt.toISOString(),
});

export const toNatsCredentialDto = (user: NatsUser): NatsCredentialDto => ({
  id: user.id,
  name: user.name,
  purpose: user.purpose,
  status: user.status,
  public_key: user.publicKey,
  publish: user.publish,
  subscribe: user.subscribe,
  edge_site_id: user.edgeSiteId ?? null,
  generation: user.generation ?? null,
  expires_at: user.expiresAt?.toISOString() ?? null,
  revoked_at: user.revokedAt?.toISOString() ?? null,
  created_at: user.createdAt.toISOString(),
});
