import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { type AccountKeyStatus, accountKeyLifecycle } from '#libs/lifecycle';
import type { NatsAccountKind } from '#libs/model';
import { MayBeAbsent } from '../../platform/validation/index.js';
import type { SigningKeyView } from '../signing-keys.service.js';

export class RetireSigningKeyDto {
  /**
   * Whether to retire it although it has signed users that are good: they are cut off, and count as revoked.
   * @example false
   */
  @MayBeAbsent()
  @IsBoolean()
  force?: boolean;
}

export class SigningKeyDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e92" */
  id!: string;

  /** Whose users it signs: `tenant` is the account that messages go through, over `control` leaves learn of revoked users. */
  @ApiProperty({ enum: ['tenant', 'control'], example: 'tenant' })
  account!: NatsAccountKind;

  /** @example "ACZ5LWNIXKQ4HRB6F5ZCSLPOVPBDVRTBEU7FBMNTQWVXVW3QMV6L7GQXK" */
  public_key!: string;

  /** The active key signs. A next one is listed in the account’s JWT and signs nothing yet, a retiring one signs nothing any more. */
  @ApiProperty({ enum: accountKeyLifecycle.states, enumName: 'SigningKeyStatus', example: 'active' })
  status!: AccountKeyStatus;

  /** @example "2026-11-24T10:00:00.000Z" */
  status_since!: string;

  /**
   * How many NATS users it has signed that are neither revoked nor expired.
   * @example 12
   */
  live_users!: number;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;
}

export const toSigningKeyDto = ({ key, account, liveUsers }: SigningKeyView): SigningKeyDto => ({
  id: key.id,
  account: account.kind,
  public_key: key.publicKey,
  status: key.status,
  status_since: key.statusSince.toISOString(),
  live_users: liveUsers,
  created_at: key.createdAt.toISOString(),
});
