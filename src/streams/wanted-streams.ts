import { isDeepStrictEqual } from 'node:util';
import { EdgeSite, NatsLeafServer, TenantStream } from '#libs/model';
import { leafStreamCapacity, type RestingSource, type Retention, type SourcedSite, streamSubjects } from '#libs/nats';
import type { Em } from '../platform/database/index.js';

/** A site whose leaf has connected at least once, and so buffers. */
export interface BufferingSite extends SourcedSite {
  edgeSiteId: string;
  /** What its leaf is to keep. */
  retention: Retention;
  /** The hub's stream that sources it; null until it has been given one. */
  hubShard: number | null;
  /** Its connection to the hub now; null when it has none. */
  linkId: string | null;
  /** Its source, while that is kept out of the hub's stream. */
  resting: RestingSource | null;
}

/** What a tenant's streams should be. */
export interface WantedStreams {
  sites: BufferingSite[];
  /** What each of them stores. */
  subjects: string[];
}

export async function wantedStreams(em: Em): Promise<WantedStreams> {
  const stream = await em.findOne(TenantStream, {});
  return { sites: await bufferingSites(em), subjects: streamSubjects(stream?.addedSubjects ?? []) };
}

/** Whether leaves were given something else than is wanted now. @param given to those sites that were seen to */
export function differ(given: WantedStreams, now: WantedStreams): boolean {
  const retentionOf = new Map(now.sites.map(({ edgeSiteId, retention }) => [edgeSiteId, retention]));
  const isOutdated = ({ edgeSiteId, retention }: BufferingSite) => !isDeepStrictEqual(retention, retentionOf.get(edgeSiteId) ?? retention);
  return !isDeepStrictEqual(given.subjects, now.subjects) || given.sites.some(isOutdated);
}

/** Not the certificates and texts of a bundle, which are many times as large. */
const LEAF_FIELDS = ['edgeSiteId', 'jetstreamDomain', 'jetstreamMaxFileBytes', 'hubShard', 'linkId', 'restingSource', 'sourceRestsUntil'] as const;
const SITE_FIELDS = ['id', 'slug', 'bufferMaxAge', 'bufferMaxBytes', 'bufferDiscard'] as const;

/** Those of the tenant that the entity manager sees. */
export async function bufferingSites(em: Em): Promise<BufferingSite[]> {
  const leaves = await em.find(NatsLeafServer, { connectedAt: { $ne: null } }, { fields: LEAF_FIELDS, orderBy: { id: 'asc' } });
  const sites = await em.find(EdgeSite, { id: leaves.map(({ edgeSiteId }) => edgeSiteId) }, { fields: SITE_FIELDS });
  const siteOf = new Map(sites.map((site) => [site.id, site]));
  return leaves.flatMap((leaf) => {
    const { edgeSiteId, jetstreamDomain, hubShard = null, linkId = null, restingSource, sourceRestsUntil: until = null } = leaf;
    const site = siteOf.get(edgeSiteId);
    // A site that is deleted between the two queries is gone.
    if (site === undefined) return [];
    const resting = restingSource == null ? null : { ...(restingSource as Omit<RestingSource, 'until'>), until };
    return [{ edgeSiteId, site: site.slug, jetstreamDomain, retention: siteRetention(site, leaf), hubShard, linkId, resting, source: resting?.source }];
  });
}

type BufferOfSite = Pick<EdgeSite, 'bufferMaxAge' | 'bufferMaxBytes' | 'bufferDiscard'>;
type DiskOfLeaf = Pick<NatsLeafServer, 'jetstreamMaxFileBytes'>;

/** What the leaf of a site is to keep: never more than its JetStream has room for. */
export function siteRetention({ bufferMaxAge, bufferMaxBytes, bufferDiscard }: BufferOfSite, { jetstreamMaxFileBytes }: DiskOfLeaf): Retention {
  const capacity = leafStreamCapacity(jetstreamMaxFileBytes);
  return { maxAgeMs: bufferMaxAge * 1000, maxBytes: Math.min(bufferMaxBytes ?? capacity, capacity), discard: bufferDiscard };
}
