import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsInt, IsUUID, Matches, Max, Min } from 'class-validator';
import { type OnboardingPackageStatus, onboardingPackageLifecycle } from '#libs/lifecycle';
import { COMPONENT_TYPES, type ComponentType } from '#libs/model';
import { PageQuery } from '../../platform/paging/index.js';
import { IsDisplayName, MayBeAbsent } from '../../platform/validation/index.js';
import type { NewOnboardingPackage, OnboardingFilter } from '../onboarding-packages.service.js';

/** In seconds. */
const DAY = 24 * 60 * 60;

export class CreateOnboardingPackageDto {
  /**
   * What people call the component. 1 to 200 characters, at least one of them visible; no control and no text direction characters.
   * @example "Agent in rack 4"
   */
  @IsDisplayName()
  label!: string;

  @IsIn(COMPONENT_TYPES)
  @ApiProperty({ enum: COMPONENT_TYPES, enumName: 'ComponentType', example: 'agent' })
  component_type!: ComponentType;

  /**
   * The component's own id, unique in its site: it stands in its certificate, and is who it is to the gateway. 1 to 63 letters, digits,
   * dots, hyphens and underscores.
   * @example "agent-rack-4"
   */
  @Matches(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,63}$/, { message: 'component_id must be 1 to 63 letters, digits, dots, hyphens and underscores' })
  component_id!: string;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  @IsUUID()
  edge_site_id!: string;

  /**
   * Seconds until it must have been activated; a week when absent, 30 days at most.
   * @example 604800
   */
  @MayBeAbsent()
  @IsInt()
  @Min(60)
  @Max(30 * DAY)
  expires_in?: number;
}

export class OnboardingPackageQuery extends PageQuery {
  /**
   * Only packages of this site.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  @MayBeAbsent()
  @IsUUID()
  edge_site_id?: string;

  /**
   * Only packages in this state.
   * @example "issued"
   */
  @MayBeAbsent()
  @IsIn(onboardingPackageLifecycle.states)
  status?: OnboardingPackageStatus;

  /**
   * Only packages for this type of component.
   * @example "agent"
   */
  @MayBeAbsent()
  @IsIn(COMPONENT_TYPES)
  component_type?: ComponentType;
}

export const toNewOnboardingPackage = (body: CreateOnboardingPackageDto): NewOnboardingPackage => ({
  label: body.label,
  componentType: body.component_type,
  componentId: body.component_id,
  edgeSiteId: body.edge_site_id,
  expiresIn: body.expires_in ?? 7 * DAY,
});

export const toOnboardingFilter = (query: OnboardingPackageQuery): OnboardingFilter => ({
  edgeSiteId: query.edge_site_id,
  status: query.status,
  componentType: query.component_type,
});
