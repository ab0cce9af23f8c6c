import type { CollectorType } from '#libs/contracts';
import { ACTIONS, BASICS, ROOT, scriptHead, SUMS, VERDICTS } from '../shell/index.js';
import { FILES } from './files.js';
import { MAIN } from './main.js';
import { OPTIONS } from './options.js';
import { SERVICE } from './service.js';

export interface UpdateScriptInput {
  packageId: string;
  type: CollectorType;
  /** Name of the configuration, in `config/` of the bundle. */
  configFile: string;
  /** The systemd service that reads it. */
  service: string;
  /** What the collector dials, for people to read. */
  natsUrl: string;
  /** The files that have to be in SHA256SUMS. */
  bundleFiles: readonly string[];
}

/**
 * The text of `update.sh`.
 * @throws DomainError `bundle_invalid` when a text has control characters.
 */
export function renderUpdateScript(input: UpdateScriptInput): string {
  const head = scriptHead('Installs the files of one collector. What it can do: sh update.sh --help', {
    script: 'update.sh',
    package_id: input.packageId,
    collector_type: input.type,
    config_file: input.configFile,
    service: input.service,
    nats_url: input.natsUrl,
    bundle_files: input.bundleFiles.join(' '),
    renewal: 'make a new package, and run its update.sh',
  });
  return head + BASICS + ACTIONS + OPTIONS + SUMS + ROOT + VERDICTS + SERVICE + FILES + MAIN;
}
