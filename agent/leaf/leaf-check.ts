import { statfs } from 'node:fs/promises';
import { sentenceOf } from '../agent-error.js';
import type { Checker } from '../checks/checker.js';
import { findingsOf, silent } from './findings.js';
import { type Monitoring, readMonitoring } from './monitoring.js';
import { configChecksum, installedFilesOf } from './running-configuration.js';

export const DEFAULT_MONITOR_URL = 'http://127.0.0.1:8222';

/**
 * Whether the site's leaf answers and says that it is well, with all that there is to know of it. That it is not connected upstream is told, and
 * is no failure of the leaf.
 */
export const leafCheck: Checker = async (check, { signal }) => {
  const checksum = await configChecksum(installedFilesOf(check));
  let monitoring: Monitoring;
  try {
    monitoring = await readMonitoring(check.settings.monitor_url || DEFAULT_MONITOR_URL, signal);
  } catch (error) {
    return { available: false, details: { ...silent(sentenceOf(error), checksum) }, salient: [checksum] };
  }
  const findings = findingsOf(monitoring, { disk: await diskOf(monitoring.jsz.config?.store_dir), configChecksum: checksum });
  return { available: findings.healthz === 'ok', details: { ...findings }, salient: [findings.healthz, findings.upstream_connected, checksum] };
};

/** Of the disk that the leaf keeps messages on, in bytes, for others than root; undefined when the agent may not look. */
async function diskOf(directory: string | undefined): Promise<{ free: number; total: number } | undefined> {
  if (directory === undefined) return undefined;
  return statfs(directory).then(
    ({ bavail, blocks, bsize }) => ({ free: bavail * bsize, total: blocks * bsize }),
    () => undefined,
  );
}
