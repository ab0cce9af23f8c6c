import { ApiProperty } from '@nestjs/swagger';
import { type OnboardingPackageStatus, onboardingPackageLifecycle } from '#libs/lifecycle';
import { type AuditEvent, COMPONENT_TYPES, type ComponentType, type OnboardingPackage } from '#libs/model';
import { LIFE, ONBOARDING_EVENTS, type OnboardingEventName } from '../life.js';

export class OnboardingPackageDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e92" */
  id!: string;

  /** @example "Agent in rack 4" */
  label!: string;

  @ApiProperty({ enum: COMPONENT_TYPES, enumName: 'ComponentType', example: 'agent' })
  component_type!: ComponentType;

  /** @example "agent-rack-4" */
  component_id!: string;

  /** Issued with its certificate, delivered when it was downloaded, activated when its component first reported; expired when it did not in time. */
  @ApiProperty({ enum: onboardingPackageLifecycle.states, enumName: 'OnboardingPackageStatus', example: 'issued' })
  status!: OnboardingPackageStatus;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  edge_site_id!: string | null;

  /** @example "2027-11-24T10:00:00.000Z" */
  cert_expires_at!: string;

  /**
   * Until when it must have been activated.
   * @example "2026-12-01T10:00:00.000Z"
   */
  expires_at!: string;

  /** @example "2026-11-24T10:05:00.000Z" */
  delivered_at!: string | null;

  /** @example "2026-11-24T10:06:00.000Z" */
  activated_at!: string | null;

  /** @example "2026-11-25T10:00:00.000Z" */
  revoked_at!: string | null;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  updated_at!: string;
}

/** Something that happened to a package. */
export class OnboardingEventDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4ea3" */
  id!: string;

  /** @example "2026-11-24T10:05:00.000Z" */
  at!: string;

  @ApiProperty({ enum: ONBOARDING_EVENTS, enumName: 'OnboardingEventName', example: 'delivered' })
  event!: OnboardingEventName;

  /**
   * Who: `api_key:<id>`, `download_token:<id>` or `system:<part>`.
   * @example "download_token:01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4eb4"
   */
  actor!: string;

  /** @example "203.0.113.7" */
  source_address!: string | null;
}

const time = (at: Date | null | undefined) => at?.toISOString() ?? null;

export const toOnboardingPackageDto = (found: OnboardingPackage): OnboardingPackageDto => ({
  id: found.id,
  label: found.label,
  component_type: found.componentType,
  component_id: found.componentId,
  status: found.status,
  edge_site_id: found.edgeSiteId ?? null,
  cert_expires_at: found.certExpiresAt.toISOString(),
  expires_at: found.expiresAt.toISOString(),
  delivered_at: time(found.deliveredAt),
  activated_at: time(found.activatedAt),
  revoked_at: time(found.revokedAt),
  created_at: found.createdAt.toISOString(),
  updated_at: found.updatedAt.toISOString(),
});

export const toOnboardingEventDto = ({ id, at, action, actor, sourceAddress }: AuditEvent): OnboardingEventDto => ({
  id,
  at: at.toISOString(),
  event: LIFE[action]!,
  actor,
  source_address: sourceAddress ?? null,
});
