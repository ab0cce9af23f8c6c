import { PartialType, PickType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsInt, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { IsDisplayName, IsHost, IsLabels, IsListenAddress, IsNatsUrl, IsSlug, MayBeAbsent } from '../../platform/validation/index.js';
import { EDGE_SITE_STATUSES } from '../edge-site-status.js';
import type { EdgeSiteStatus } from '#libs/lifecycle';
import { PageQuery } from '../../platform/paging/index.js';
import type { NewSite, SiteChanges } from '../site-changes.js';
import { BufferSettingsDto } from './buffer.dto.js';

const MIB = 2 ** 20;
const TIB = 2 ** 40;

export class CreateEdgeSiteDto {
  /**
   * What people call the site. 1 to 200 characters, at least one of them visible; no control and no text direction characters.
   * @example "New York plant"
   */
  @IsDisplayName()
  name!: string;

  /**
   * One DNS label, unique in the tenant; made from the name when absent. It stands in certificates and never changes.
   * @example "new-york-plant"
   */
  @MayBeAbsent()
  @IsSlug()
  slug?: string;

  /**
   * What collectors at the site dial. Its host is written into the listener's certificate.
   * @example "tls://nats.ny.acme.example:4222"
   */
  @IsOptional()
  @IsNatsUrl()
  nats_leaf_url?: string | null;

  /**
   * For filters and alert rules.
   * @example { "region": "us-east", "line": "3" }
   */
  @MayBeAbsent()
  @IsLabels()
  labels?: Record<string, string>;

  /**
   * Further host names and addresses that collectors reach the leaf by.
   * @example ["10.20.0.5", "nats.plant.local"]
   */
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(32)
  @IsHost({ each: true })
  server_sans?: string[];

  /**
   * JetStream domain of the leaf, unique in the tenant and fixed for the site's life. By default `edge` for the first
   * site and `edge-<slug>` for each further one.
   * @example "edge-new-york-plant"
   */
  @MayBeAbsent()
  @IsSlug()
  jetstream_domain?: string;

  /**
   * Where the leaf listens for collectors, as host:port.
   * @example "0.0.0.0:4222"
   */
  @MayBeAbsent()
  @IsListenAddress()
  local_listen?: string;

  /**
   * Port of the leaf's own monitoring, on the loopback address only.
   * @example 8222
   */
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(65_535)
  monitor_port?: number;

  /**
   * Bytes of memory that JetStream may use at the leaf.
   * @example 67108864
   */
  @MayBeAbsent()
  @IsInt()
  @Min(MIB)
  @Max(TIB)
  jetstream_max_memory_bytes?: number;

  /**
   * Bytes of disk that JetStream may use at the leaf: how much is buffered while the hub cannot be reached.
   * @example 10737418240
   */
  @MayBeAbsent()
  @IsInt()
  @Min(16 * MIB)
  @Max(1024 * TIB)
  jetstream_max_file_bytes?: number;

  /**
   * Whether each message is on disk before it is acknowledged: safe against a power cut, at the cost of throughput.
   * @example true
   */
  @MayBeAbsent()
  @IsBoolean()
  jetstream_sync_always?: boolean;

  /**
   * What the leaf keeps. A change is applied to a connected leaf at once, to another when it connects. Narrower limits wait until the hub has all
   * that the leaf holds: nothing goes that was not forwarded.
   * @example { "max_age": 604800, "max_bytes": null, "discard": "old" }
   */
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => BufferSettingsDto)
  buffer?: BufferSettingsDto;
}

/** What can be changed. A change of anything that the leaf's files hold makes a new generation. */
export class UpdateEdgeSiteDto extends PartialType(
  PickType(CreateEdgeSiteDto, [
    'name',
    'nats_leaf_url',
    'labels',
    'server_sans',
    'local_listen',
    'monitor_port',
    'jetstream_max_memory_bytes',
    'jetstream_max_file_bytes',
    'jetstream_sync_always',
    'buffer',
  ] as const),
  { skipNullProperties: false },
) {}

export class EdgeSiteQuery extends PageQuery {
  /**
   * Only sites in this state.
   * @example "active"
   */
  @MayBeAbsent()
  @IsIn(EDGE_SITE_STATUSES)
  status?: EdgeSiteStatus;

  /**
   * Only sites whose name holds this text, upper and lower case alike.
   * @example "york"
   */
  @MayBeAbsent()
  @IsString()
  @MaxLength(200)
  name?: string;

  /**
   * Only sites with this label, as `key=value`, or `key` for any value.
   * @example "region=us-east"
   */
  @MayBeAbsent()
  @IsString()
  @MaxLength(300)
  label?: string;
}

export class RunningConfigDto {
  /**
   * SHA-256 of the SHA256SUMS that the site runs, hex, as `sha256sum SHA256SUMS` prints it.
   * @example "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
   */
  @Matches(/^[0-9a-f]{64}$/, { message: 'checksum must be 64 of 0-9 and a-f, the SHA-256 of SHA256SUMS' })
  checksum!: string;
}

export class DeleteEdgeSiteQuery {
  /**
   * `detach` lets the site's packages go: its collectors fall back to the hub, with their configuration outdated, and its onboarding packages
   * are revoked. Without it, a site that has packages is not deleted.
   * @example "detach"
   */
  @MayBeAbsent()
  @IsIn(['detach'])
  collectors?: 'detach';

  /**
   * `discard` lets go of what waits at the leaf. Without it, a site is deleted only when the hub has all that the leaf holds.
   * @example "discard"
   */
  @MayBeAbsent()
  @IsIn(['discard'])
  buffered?: 'discard';
}

const settings = (body: UpdateEdgeSiteDto) => ({
  localListen: body.local_listen,
  monitorPort: body.monitor_port,
  jetstreamMaxMemoryBytes: body.jetstream_max_memory_bytes,
  jetstreamMaxFileBytes: body.jetstream_max_file_bytes,
  jetstreamSyncAlways: body.jetstream_sync_always,
  buffer: body.buffer && { maxAge: body.buffer.max_age, maxBytes: body.buffer.max_bytes, discard: body.buffer.discard },
});

export const toNewSite = (body: CreateEdgeSiteDto): NewSite => ({
  name: body.name,
  slug: body.slug,
  natsLeafUrl: body.nats_leaf_url ?? null,
  labels: body.labels ?? {},
  serverSans: body.server_sans ?? [],
  jetstreamDomain: body.jetstream_domain,
  ...settings(body),
});

export const toSiteChanges = (body: UpdateEdgeSiteDto): SiteChanges => ({
  name: body.name,
  natsLeafUrl: body.nats_leaf_url,
  labels: body.labels,
  serverSans: body.server_sans,
  ...settings(body),
});
