import { ApiProperty, OmitType, PartialType } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsEmail, IsIn, IsString, Matches, MaxLength, MinLength } from 'class-validator';
import { type AlertChannel, CHANNEL_KINDS, type ChannelKind } from '#libs/model';
import { IsDisplayName, MayBeAbsent } from '../../platform/validation/index.js';

export class CreateAlertChannelDto {
  /**
   * What people call the channel. 1 to 200 characters, at least one of them visible; no control and no text direction characters.
   * @example "On call"
   */
  @IsDisplayName()
  name!: string;

  /**
   * How people are told. `webhook`: JSON by POST, signed. `slack`: an incoming webhook as Slack has them. `email`. `nats`: published in the tenant’s
   * NATS account, as `alerts.<severity>.<slug of the site>`; of several sites at once as `alerts.<severity>._several`.
   */
  @IsIn(CHANNEL_KINDS)
  @ApiProperty({ enum: CHANNEL_KINDS, enumName: 'AlertChannelKind', example: 'webhook' })
  kind!: ChannelKind;

  /**
   * Of `webhook` and `slack`: where it leads to. It must start with `https://` and be on the public Internet, unless whoever runs the service has
   * allowed its network. It is not shown again.
   * @example "https://alerts.acme.example/serviceradar"
   */
  @MayBeAbsent()
  @IsString()
  @MaxLength(2_000)
  @Matches(/^[\x21-\x7e]+$/, { message: 'url must be visible ASCII characters without spaces' })
  url?: string;

  /**
   * Of `webhook`: the key that its messages are signed with: HMAC-SHA256 of `<t>.<body>`, as in the header
   * `X-ServiceRadar-Signature: t=<Unix seconds>,v1=<hex>`. It is not shown again.
   * @example "c2f0b1a9d8e7f6a5b4c3d2e1f0a9b8c7"
   */
  @MayBeAbsent()
  @IsString()
  @MinLength(16)
  @MaxLength(256)
  secret?: string;

  /**
   * Of `email`: who gets it.
   * @example ["on-call@acme.example"]
   */
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsEmail({}, { each: true })
  recipients?: string[];
}

export class UpdateAlertChannelDto extends PartialType(OmitType(CreateAlertChannelDto, ['kind']), { skipNullProperties: false }) {}

export class AlertChannelDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ed1" */
  id!: string;

  /** @example "On call" */
  name!: string;

  @ApiProperty({ enum: CHANNEL_KINDS, enumName: 'AlertChannelKind', example: 'webhook' })
  kind!: ChannelKind;

  /**
   * Of `webhook` and `slack`: the beginning of its URL.
   * @example "https://alerts.acme.example"
   */
  origin!: string | null;

  /**
   * Of `email`: who gets it.
   * @example ["on-call@acme.example"]
   */
  recipients!: string[];

  /**
   * When a message last arrived.
   * @example "2026-11-24T10:05:00.000Z"
   */
  last_sent_at!: string | null;

  /**
   * Since when none has arrived of those that were tried; null when the last one did.
   * @example "2026-11-24T10:06:00.000Z"
   */
  failing_since!: string | null;

  /**
   * Why the last one that did not arrive did not, whether or not others have since.
   * @example "alerts.acme.example answered 503."
   */
  last_error!: string | null;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  updated_at!: string;
}

export const toAlertChannelDto = (channel: AlertChannel): AlertChannelDto => ({
  id: channel.id,
  name: channel.name,
  kind: channel.kind,
  origin: channel.settings.origin ?? null,
  recipients: channel.settings.recipients ?? [],
  last_sent_at: channel.lastSentAt?.toISOString() ?? null,
  failing_since: channel.failingSince?.toISOString() ?? null,
  last_error: channel.lastError ?? null,
  created_at: channel.createdAt.toISOString(),
  updated_at: channel.updatedAt.toISOString(),
});
