import type { EdgeSiteStatus, NatsLeafServerStatus } from '#libs/lifecycle';
import type { NatsLeafServer } from '#libs/model';
import { ApiProperty } from '@nestjs/swagger';
import { HealthDto, toHealthDto } from '../../site-health/index.js';
import { BufferDto, toBufferDto } from './buffer.dto.js';
import { EDGE_SITE_STATUSES, LEAF_STATUSES } from '../edge-site-status.js';
import { soonAfter } from '../expiring.js';
import type { SiteInHealth } from '../site-with-leaf.js';

export class NatsLeafServerDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f" */
  id!: string;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  edge_site_id!: string;

  /** Pending while certificates, credentials and configuration are being made. */
  @ApiProperty({ enum: LEAF_STATUSES, enumName: 'NatsLeafServerStatus', example: 'connected' })
  status!: NatsLeafServerStatus;

  /**
   * What the leaf dials.
   * @example "tls://hub.example.com:7422"
   */
  upstream_url!: string;

  /** @example "0.0.0.0:4222" */
  local_listen!: string;

  /** @example 8222 */
  monitor_port!: number;

  /** @example "edge" */
  jetstream_domain!: string;

  /** @example 67108864 */
  jetstream_max_memory_bytes!: number;

  /** @example 10737418240 */
  jetstream_max_file_bytes!: number;

  /** @example true */
  jetstream_sync_always!: boolean;

  /**
   * Grows with each set of certificates, credentials and configuration.
   * @example 2
   */
  generation!: number;

  /**
   * The generation that the leaf is connected with; null while it is not connected.
   * @example 1
   */
  connected_generation!: number | null;

  /**
   * SHA-256 of the bundle's SHA256SUMS, hex; `sha256sum SHA256SUMS` gives the same at the site.
   * @example "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
   */
  config_checksum!: string | null;

  /**
   * The checksum that the site reported last; null when it has reported none.
   * @example "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
   */
  running_checksum!: string | null;

  /**
   * Whether the site, when it last reported, ran neither the newest generation nor the one that it connected with: its files were changed
   * there, or are older. Null when it has reported nothing. A site that has not installed the newest generation yet has not drifted.
   * @example false
   */
  drifted!: boolean | null;

  /**
   * The first of the reports in a row that said so.
   * @example "2026-11-24T10:05:00.000Z"
   */
  drifted_since!: string | null;

  /**
   * When the first certificate of the newest generation that is provisioned ends. It is renewed, as the next generation, when fewer than 30
   * days remain.
   * @example "2027-11-24T10:00:00.000Z"
   */
  cert_expires_at!: string | null;

  /**
   * The generation that the leaf connected with last; null until it first connected.
   * @example 1
   */
  installed_generation!: number | null;

  /**
   * Whether fewer than 30 days remain to a certificate of the installed generation, or of the newest until one is installed. It stays true
   * after certificates were renewed until the site has installed the new bundle.
   * @example false
   */
  cert_expiring_soon!: boolean;

  /** @example "2026-11-24T10:00:01.000Z" */
  provisioned_at!: string | null;

  /** @example "2026-11-24T10:05:00.000Z" */
  connected_at!: string | null;

  /** @example "2026-11-24T10:04:00.000Z" */
  disconnected_at!: string | null;

  /**
   * Why it went then, in the hub's words: `Client Closed`, `Stale Connection`, `Credentials Revoked`, `Authentication Expired` and so on. Null when the
   * hub did not say, as when a server of it died.
   * @example "Stale Connection"
   */
  disconnect_reason!: string | null;

  /**
   * Why provisioning failed for good, in words.
   * @example "The host hub.example.com belongs to the platform: it may not stand in a certificate of a tenant."
   */
  last_error!: string | null;
}

export class EdgeSiteDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  id!: string;

  /** @example "New York plant" */
  name!: string;

  /** @example "new-york-plant" */
  slug!: string;

  /** Pending until its leaf first connected; offline while it is not connected. */
  @ApiProperty({ enum: EDGE_SITE_STATUSES, enumName: 'EdgeSiteStatus', example: 'active' })
  status!: EdgeSiteStatus;

  /**
   * How it is doing, by all that hub, record and agent say at the moment of the answer.
   * @example { "state": "connected", "since": "2026-11-24T10:05:00.000Z", "reasons": [{ "code": "connected", "detail": "The leaf is connected to the hub.", "since": "2026-11-24T10:05:00.000Z" }] }
   */
  health!: HealthDto;

  /** @example "tls://nats.ny.acme.example:4222" */
  nats_leaf_url!: string | null;

  /** @example { "region": "us-east" } */
  labels!: Record<string, string>;

  /** @example ["10.20.0.5"] */
  server_sans!: string[];

  /**
   * What its leaf is to keep.
   * @example { "max_age": 604800, "max_bytes": null, "discard": "old" }
   */
  buffer!: BufferDto;

  /**
   * When the hub last knew its leaf to be connected.
   * @example "2026-11-24T10:30:00.000Z"
   */
  last_seen_at!: string | null;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  updated_at!: string;

  leaf_server!: NatsLeafServerDto;
}

const time = (at: Date | null | undefined) => at?.toISOString() ?? null;

export function toNatsLeafServerDto(leaf: NatsLeafServer, now: Date): NatsLeafServerDto {
  return {
    id: leaf.id,
    edge_site_id: leaf.edgeSiteId,
    status: leaf.status,
    upstream_url: leaf.upstreamUrl,
    local_listen: leaf.localListen,
    monitor_port: leaf.monitorPort,
    jetstream_domain: leaf.jetstreamDomain,
    jetstream_max_memory_bytes: leaf.jetstreamMaxMemoryBytes,
    jetstream_max_file_bytes: leaf.jetstreamMaxFileBytes,
    jetstream_sync_always: leaf.jetstreamSyncAlways,
    generation: leaf.generation,
    connected_generation: leaf.connectedGeneration ?? null,
    config_checksum: leaf.configChecksum ?? null,
    running_checksum: leaf.runningChecksum ?? null,
    drifted: leaf.runningChecksum == null ? null : leaf.driftedSince != null,
    drifted_since: time(leaf.driftedSince),
    cert_expires_at: time(leaf.certExpiresAt),
    installed_generation: leaf.installedGeneration ?? null,
    cert_expiring_soon: leaf.certInUseExpiresAt !== null && leaf.certInUseExpiresAt < soonAfter(now),
    provisioned_at: time(leaf.provisionedAt),
    connected_at: time(leaf.connectedAt),
    disconnected_at: time(leaf.disconnectedAt),
    disconnect_reason: leaf.disconnectReason ?? null,
    last_error: leaf.lastError ?? null,
  };
}

export function toEdgeSiteDto({ site, leaf, health }: SiteInHealth, now: Date): EdgeSiteDto {
  return {
    id: site.id,
    name: site.name,
    slug: site.slug,
    status: site.status,
    health: toHealthDto(health),
    nats_leaf_url: site.natsLeafUrl ?? null,
    labels: site.labels,
    server_sans: site.serverSans,
    buffer: toBufferDto(site),
    last_seen_at: time(site.lastSeenAt),
    created_at: site.createdAt.toISOString(),
    updated_at: site.updatedAt.toISOString(),
    leaf_server: toNatsLeafServerDto(leaf, now),
  };
}
