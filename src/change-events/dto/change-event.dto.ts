import { ApiProperty } from '@nestjs/swagger';
import { HEALTH_STATES, type HealthState } from '#libs/health';
import { type Change, CHANGES, KINDS, type Kind } from '../change.js';

const KIND_NAMES = Object.keys(KINDS) as Kind[];
const TYPES = KIND_NAMES.flatMap((kind) => CHANGES.map((change) => `${kind}.${change}` as const));

export class ChangedSubjectDto {
  @ApiProperty({ enum: KIND_NAMES, enumName: 'ChangedSubjectType', example: 'edge_site' })
  type!: Kind;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  id!: string;
}

/** The data of an event `change`. */
export class ChangeEventDto {
  @ApiProperty({ enum: TYPES, enumName: 'ChangeEventType', example: 'edge_site.changed' })
  type!: (typeof TYPES)[number];

  /** @example "2026-11-24T10:05:00.000Z" */
  at!: string;

  /** @example { "type": "edge_site", "id": "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" } */
  subject!: ChangedSubjectDto;

  /**
   * The site that it is, or that it belongs to; null for what belongs to none.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  edge_site_id!: string | null;

  /**
   * Its status when the event was read, which may be newer than the change; null of what has none, or is gone.
   * @example "offline"
   */
  status!: string | null;

  /** The `health.state` of the site at that time; null when there is no site, or no more. */
  @ApiProperty({ type: 'string', enum: [...HEALTH_STATES, null], nullable: true, example: 'wan_down' })
  health!: HealthState | null;
}

export const toChangeEventDto = ({ kind, change, at, subjectId, edgeSiteId, status, health }: Change): ChangeEventDto => ({
  type: `${kind}.${change}`,
  at: at.toISOString(),
  subject: { type: kind, id: subjectId },
  edge_site_id: edgeSiteId,
  status,
  health,
});
