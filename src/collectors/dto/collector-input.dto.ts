import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsObject, IsOptional, IsUUID } from 'class-validator';
import { COLLECTOR_TYPES, type CollectorType } from '#libs/contracts';
import { type CollectorPackageStatus, collectorPackageLifecycle } from '#libs/lifecycle';
import { PageQuery } from '../../platform/paging/index.js';
import { IsDisplayName, IsHost, MayBeAbsent } from '../../platform/validation/index.js';
import type { CollectorFilter, NewCollector } from '../collectors.service.js';

export class CreateCollectorPackageDto {
  @IsIn(COLLECTOR_TYPES)
  @ApiProperty({ enum: COLLECTOR_TYPES, enumName: 'CollectorType', example: 'flowgger' })
  collector_type!: CollectorType;

  /**
   * Where it runs, in the words of people. 1 to 200 characters, at least one of them visible; no control and no text direction characters.
   * @example "Rack 4, upper floor"
   */
  @IsOptional()
  @IsDisplayName()
  site?: string | null;

  /**
   * Name or address that devices send to; it is written into the collector's certificate.
   * @example "syslog.ny.acme.example"
   */
  @IsOptional()
  @IsHost()
  hostname?: string | null;

  /**
   * Settings of the collector that differ from the defaults. Which ones there are depends on its type; others are refused.
   * @example { "listen_addr": "0.0.0.0:1514" }
   */
  @MayBeAbsent()
  @IsObject()
  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { listen_addr: '0.0.0.0:1514' } })
  config_overrides?: Record<string, unknown>;

  /**
   * The site whose leaf it dials. Without it, the collector dials the hub.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  @IsOptional()
  @IsUUID()
  edge_site_id?: string | null;
}

export class CollectorQuery extends PageQuery {
  /**
   * Only packages of this site.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  @MayBeAbsent()
  @IsUUID()
  edge_site_id?: string;

  /**
   * Only packages in this state.
   * @example "ready"
   */
  @MayBeAbsent()
  @IsIn(collectorPackageLifecycle.states)
  status?: CollectorPackageStatus;

  /**
   * Only collectors of this type.
   * @example "flowgger"
   */
  @MayBeAbsent()
  @IsIn(COLLECTOR_TYPES)
  collector_type?: CollectorType;
}

export const toNewCollector = (body: CreateCollectorPackageDto): NewCollector => ({
  collectorType: body.collector_type,
  site: body.site ?? null,
  hostname: body.hostname ?? null,
  configOverrides: body.config_overrides ?? {},
  edgeSiteId: body.edge_site_id ?? null,
});

export const toCollectorFilter = (query: CollectorQuery): CollectorFilter => ({
  edgeSiteId: query.edge_site_id,
  status: query.status,
  collectorType: query.collector_type,
});
