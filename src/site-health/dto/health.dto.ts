import { ApiProperty } from '@nestjs/swagger';
import { HEALTH_STATES, type Health, type HealthState, REASON_CODES, type ReasonCode } from '#libs/health';

export class HealthReasonDto {
  @ApiProperty({ enum: REASON_CODES, enumName: 'HealthReasonCode', example: 'disconnected' })
  code!: ReasonCode;

  /**
   * For people.
   * @example "The leaf is not connected to the hub. The hub’s reason: Stale Connection."
   */
  detail!: string;

  /**
   * Since when it is so.
   * @example "2026-11-24T10:04:00.000Z"
   */
  @ApiProperty({ format: 'date-time' })
  since!: string;
}

export class HealthDto {
  /**
   * - `never_connected`: the hub has never seen the leaf.
   * - `connected`: it sees it now.
   * - `wan_down`: it does not; the agent says that the leaf is up.
   * - `leaf_down`: it does not; the agent speaks, and says that the leaf is not well, or nothing of it.
   * - `agent_down`: the leaf is connected; the agent has said nothing for 90 seconds.
   * - `site_dark`: neither leaf nor agent is heard of, or there is no agent that could tell more.
   * - `credentials_expired`, `credentials_revoked`: what the leaf connects with is no longer good; without a new bundle it cannot come back.
   * - `drifted`: the leaf is connected, and runs something other than it should.
   */
  @ApiProperty({ enum: HEALTH_STATES, enumName: 'HealthState', example: 'wan_down' })
  state!: HealthState;

  /**
   * Since when.
   * @example "2026-11-24T10:04:00.000Z"
   */
  @ApiProperty({ format: 'date-time' })
  since!: string;

  /** All that is so, what makes the state first. */
  @ApiProperty({
    type: [HealthReasonDto],
    maxItems: REASON_CODES.length,
    example: [{ code: 'disconnected', detail: 'The leaf is not connected to the hub. The hub’s reason: Stale Connection.', since: '2026-11-24T10:04:00.000Z' }],
  })
  reasons!: HealthReasonDto[];
}

export const toHealthDto = ({ state, since, reasons }: Health): HealthDto => ({
  state,
  since: since.toISOString(),
  reasons: reasons.map((reason) => ({ ...reason, since: reason.since.toISOString() })),
});
