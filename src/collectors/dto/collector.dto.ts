import { ApiProperty } from '@nestjs/swagger';
import { COLLECTOR_TYPES, type CollectorType } from '#libs/contracts';
import { type CollectorPackageStatus, collectorPackageLifecycle, type EdgeSiteStatus, edgeSiteLifecycle } from '#libs/lifecycle';
import type { CollectorView } from '../collectors.service.js';

export class CollectorEdgeSiteDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  id!: string;

  /** @example "New York plant" */
  name!: string;

  /** @example "new-york-plant" */
  slug!: string;

  @ApiProperty({ enum: edgeSiteLifecycle.states, enumName: 'EdgeSiteStatus', example: 'active' })
  status!: EdgeSiteStatus;

  /** @example "tls://nats.ny.acme.example:4222" */
  nats_leaf_url!: string | null;
}

export class CollectorPackageDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e81" */
  id!: string;

  @ApiProperty({ enum: COLLECTOR_TYPES, enumName: 'CollectorType', example: 'flowgger' })
  collector_type!: CollectorType;

  /** Pending and provisioning until its certificate and NATS user are made; failed when they cannot be; installed once its collector was seen connected. */
  @ApiProperty({ enum: collectorPackageLifecycle.states, enumName: 'CollectorPackageStatus', example: 'ready' })
  status!: CollectorPackageStatus;

  /**
   * Name of the collector in its certificate, and of its NATS user.
   * @example "flowgger-new-york-plant-1f2e3d4c"
   */
  user_name!: string;

  /**
   * Where it runs, in the words of people.
   * @example "Rack 4, upper floor"
   */
  site!: string | null;

  /** @example "syslog.ny.acme.example" */
  hostname!: string | null;

  /** @example { "listen_addr": "0.0.0.0:1514" } */
  @ApiProperty({ type: 'object', additionalProperties: true, example: { listen_addr: '0.0.0.0:1514' } })
  config_overrides!: Record<string, unknown>;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  edge_site_id!: string | null;

  /** The site whose leaf it dials; null for one that dials the hub. */
  @ApiProperty({
    type: () => CollectorEdgeSiteDto,
    nullable: true,
    example: {
      id: '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70',
      name: 'New York plant',
      slug: 'new-york-plant',
      status: 'active',
      nats_leaf_url: 'tls://nats.ny.acme.example:4222',
    },
  })
  edge_site!: CollectorEdgeSiteDto | null;

  /**
   * What its configuration dials; null while its site has no nats_leaf_url.
   * @example "tls://nats.ny.acme.example:4222"
   */
  nats_url!: string | null;

  /**
   * Whether what was downloaded dials something else by now, or was renewed since. A new token gives the new bundle.
   * @example false
   */
  config_outdated!: boolean;

  /**
   * Which set of certificate and NATS user is wanted. Greater than `provisioned_generation` while it is being made.
   * @example 1
   */
  generation!: number;

  /**
   * The generation that is downloaded with a new token; null until there is one.
   * @example 1
   */
  provisioned_generation!: number | null;

  /**
   * The generation that was downloaded last.
   * @example 1
   */
  downloaded_generation!: number | null;

  /**
   * The newest generation that its collector was seen connected with; those before it are revoked.
   * @example 1
   */
  installed_generation!: number | null;

  /**
   * When the certificate of `provisioned_generation` ends.
   * @example "2027-11-24T10:00:00.000Z"
   */
  cert_expires_at!: string | null;

  /**
   * Why provisioning failed for good, or making another generation did, in words.
   * @example "The issuer expires before the certificate would begin."
   */
  last_error!: string | null;

  /** @example "2026-11-24T10:00:01.000Z" */
  provisioned_at!: string | null;

  /** @example "2026-11-24T10:05:00.000Z" */
  downloaded_at!: string | null;

  /**
   * When its collector was first seen connected.
   * @example "2026-11-24T10:06:00.000Z"
   */
  installed_at!: string | null;

  /** @example "2026-11-25T10:00:00.000Z" */
  revoked_at!: string | null;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  updated_at!: string;
}

const time = (at: Date | null | undefined) => at?.toISOString() ?? null;

export function toCollectorPackageDto({ collector, site, natsUrl }: CollectorView): CollectorPackageDto {
  return {
    id: collector.id,
    collector_type: collector.collectorType,
    status: collector.status,
    user_name: collector.userName,
    site: collector.site ?? null,
    hostname: collector.hostname ?? null,
    config_overrides: collector.configOverrides,
    edge_site_id: collector.edgeSiteId ?? null,
    edge_site: site && { id: site.id, name: site.name, slug: site.slug, status: site.status, nats_leaf_url: site.natsLeafUrl ?? null },
    nats_url: natsUrl,
    config_outdated: collector.isOutdated(natsUrl),
    generation: collector.generation,
    provisioned_generation: collector.provisionedAt ? collector.provisionedGeneration : null,
    downloaded_generation: collector.downloadedAt ? collector.downloadedGeneration : null,
    installed_generation: collector.installedAt ? collector.installedGeneration : null,
    cert_expires_at: time(collector.certExpiresAt),
    last_error: collector.lastError ?? null,
    provisioned_at: time(collector.provisionedAt),
    downloaded_at: time(collector.downloadedAt),
    installed_at: time(collector.installedAt),
    revoked_at: time(collector.revokedAt),
    created_at: collector.createdAt.toISOString(),
    updated_at: collector.updatedAt.toISOString(),
  };
}
