import { IsBoolean } from 'class-validator';
import type { SigningKeyStatus } from '#libs/lifecycle';
import { ApiProperty } from '@nestjs/swagger';
import { nextStep } from '../operator-rotation.js';
import type { OperatorState } from '../operator-rotation.service.js';

export class RotationStepDto {
  /**
   * Go on although something is not ready for it, as when a key is known to others.
   * @example false
   */
  @IsBoolean()
  force: boolean = false;
}

export class NatsOperatorKeyDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f" */
  id!: string;

  /** @example "OBZV6KBOWTLYEU5E4ZJA7GMHTQIEEZW4XCUUIXRZQZMRXVYDJQMXGQ3T" */
  public_key!: string;

  @ApiProperty({ enum: ['next', 'active', 'retiring', 'retired'], example: 'active' })
  status!: SigningKeyStatus;

  /**
   * Whether the hub trusted it when it was asked last; null when it has not been asked yet.
   * @example true
   */
  known_to_hub!: boolean | null;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  activated_at!: string | null;

  /** @example "2026-11-25T10:00:00.000Z" */
  retired_at!: string | null;
}

export class NatsOperatorDto {
  /**
   * The public key of the operator's identity, which stays.
   * @example "OCUZRKK3HYYGN4QLIZUXR54O3LHLUGJHI6RX4K5UVUBAA2OSKFAFODTP"
   */
  public_key!: string;

  /**
   * Grows with each new operator's JWT, which lists the keys that are not retired.
   * @example 1
   */
  jwt_revision!: number;

  /** Newest first. */
  @ApiProperty({ type: [NatsOperatorKeyDto] })
  signing_keys!: NatsOperatorKeyDto[];

  /**
   * How many sites have installed no bundle yet that holds the newest operator's JWT, of those that have installed one.
   * @example 2
   */
  sites_behind!: number;

  /**
   * The first of them, as `<tenant>/<site>`.
   * @example ["acme/new-york", "acme/oslo"]
   */
  sites_behind_examples!: string[];

  /**
   * How many accounts another key has signed than the active one.
   * @example 0
   */
  accounts_to_sign!: number;

  /**
   * How many accounts the hub has not confirmed the newest JWT of.
   * @example 0
   */
  accounts_to_push!: number;

  /**
   * What to do next, or to wait for; null when no rotation is under way, and none has left anything to do.
   * @example "Activate the next key: hub and sites know it."
   */
  next_step!: string | null;
}

export function toNatsOperatorDto(state: OperatorState): NatsOperatorDto {
  const { operator, keys, hubKeys, sitesBehind, accountsToSign, accountsToPush } = state;
  return {
    public_key: operator.publicKey,
    jwt_revision: operator.jwtRevision,
    signing_keys: keys.map((key) => ({
      id: key.id,
      public_key: key.publicKey,
      status: key.status,
      known_to_hub: hubKeys && hubKeys.includes(key.publicKey),
      created_at: key.createdAt.toISOString(),
      activated_at: key.activatedAt?.toISOString() ?? null,
      retired_at: key.retiredAt?.toISOString() ?? null,
    })),
    sites_behind: sitesBehind.count,
    sites_behind_examples: [...sitesBehind.examples],
    accounts_to_sign: accountsToSign,
    accounts_to_push: accountsToPush,
    next_step: nextStep(state),
  };
}
