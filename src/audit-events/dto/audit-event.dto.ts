import { ApiProperty } from '@nestjs/swagger';
import type { AuditOutcome } from '#libs/model';
import type { ListedEvent } from '../audit-events.service.js';

export class AuditEventDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f" */
  id!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  at!: string;

  /**
   * Who: `api_key:<id>`, `download_token:<id>` or `system:<part>`.
   * @example "api_key:01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f"
   */
  actor!: string;

  /**
   * What, as `<noun>.<verb>`.
   * @example "edge_site.create"
   */
  action!: string;

  /** @example "edge_site" */
  subject_type!: string;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  subject_id!: string | null;

  /**
   * The id of the request that did it, as its answer's X-Request-Id said.
   * @example "0b5f9a5e-3c1d-4c57-9a43-7f1f3a4f7d0e"
   */
  request_id!: string | null;

  /** @example "192.0.2.7" */
  source_address!: string | null;

  /**
   * Whether it was done, or the caller may not do it.
   * @example "done"
   */
  @ApiProperty({ enum: ['done', 'refused'] })
  outcome!: AuditOutcome;

  /**
   * Number of the row's seal in the chain of the tenant, or of the platform, from 1 on. Rows that were sealed together share it. Null until the row is sealed, about a second later.
   * @example 1204
   */
  @ApiProperty({ type: 'integer', nullable: true })
  sequence!: number | null;

  /**
   * SHA-256, hex, of the seal: over its rows and all seals before it; null until the row is sealed.
   * @example "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
   */
  hash!: string | null;

  @ApiProperty({ type: 'object', additionalProperties: true, description: 'More about it.', example: { slug: 'new-york-plant' } })
  detail!: Record<string, unknown>;
}

export const toAuditEventDto = ({ event, seal }: Omit<ListedEvent, 'id'>): AuditEventDto => ({
  id: event.id,
  at: event.at.toISOString(),
  actor: event.actor,
  action: event.action,
  subject_type: event.subjectType,
  subject_id: event.subjectId ?? null,
  request_id: event.requestId ?? null,
  source_address: event.sourceAddress ?? null,
  outcome: event.outcome,
  sequence: seal?.sequence ?? null,
  hash: seal?.hash ?? null,
  detail: event.detail,
});
