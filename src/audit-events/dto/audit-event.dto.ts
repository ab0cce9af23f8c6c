import { ApiProperty } from '@nestjs/swagger';
import type { AuditEvent } from '#libs/model';

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

  @ApiProperty({ type: 'object', additionalProperties: true, description: 'More about it.', example: { slug: 'new-york-plant' } })
  detail!: Record<string, unknown>;
}

export const toAuditEventDto = (event: AuditEvent): AuditEventDto => ({
  id: event.id,
  at: event.at.toISOString(),
  actor: event.actor,
  action: event.action,
  subject_type: event.subjectType,
  subject_id: event.subjectId ?? null,
  request_id: event.requestId ?? null,
  source_address: event.sourceAddress ?? null,
  detail: event.detail,
});
