import { type BufferSettings, bufferColumns } from './buffer-settings.js';
import type { SiteWithLeaf } from './site-with-leaf.js';

export interface LeafSettings {
  localListen?: string;
  monitorPort?: number;
  jetstreamMaxMemoryBytes?: number;
  jetstreamMaxFileBytes?: number;
  jetstreamSyncAlways?: boolean;
}

export interface NewSite extends LeafSettings {
  name: string;
  slug?: string;
  natsLeafUrl: string | null;
  labels: Record<string, string>;
  serverSans: string[];
  jetstreamDomain?: string;
  buffer?: BufferSettings;
}

export interface SiteChanges extends LeafSettings {
  name?: string;
  natsLeafUrl?: string | null;
  labels?: Record<string, string>;
  serverSans?: string[];
  buffer?: BufferSettings;
}

/** What became of a change. */
interface Applied {
  /** Something that stands in the leaf's certificates or configuration. */
  files: boolean;
  /** What the leaf is to keep. */
  buffer: boolean;
}

export function applyChanges(found: SiteWithLeaf, changes: SiteChanges): Applied {
  const { site, leaf } = found;
  const before = { files: filesOf(found), buffer: bufferOf(found) };
  const { name, natsLeafUrl, labels, serverSans, buffer } = changes;
  Object.assign(site, given({ name, natsLeafUrl, labels, serverSans, ...bufferColumns(buffer) }));
  Object.assign(leaf, given(leafSettings(changes)));
  return { files: before.files !== filesOf(found), buffer: before.buffer !== bufferOf(found) };
}

const filesOf = ({ site, leaf }: SiteWithLeaf) => JSON.stringify([site.natsLeafUrl, site.serverSans, leafSettings(leaf)]);

const bufferOf = ({ site }: SiteWithLeaf) => JSON.stringify([site.bufferMaxAge, site.bufferMaxBytes, site.bufferDiscard]);

export const leafSettings = (from: LeafSettings): LeafSettings => ({
  localListen: from.localListen,
  monitorPort: from.monitorPort,
  jetstreamMaxMemoryBytes: from.jetstreamMaxMemoryBytes,
  jetstreamMaxFileBytes: from.jetstreamMaxFileBytes,
  jetstreamSyncAlways: from.jetstreamSyncAlways,
});

/** Without what was not given. */
export const given = <T extends object>(values: T): Partial<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;

