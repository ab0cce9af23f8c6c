import { ACTIONS, BASICS, ROOT, scriptHead, SUMS, VERDICTS } from '../shell/index.js';
import { INSTALL } from './install.js';
import { LAYOUT } from './layout.js';
import { MAIN } from './main.js';
import { NATS_SERVER } from './nats-server.js';
import { OPTIONS } from './options.js';
import { SERVICE } from './service.js';

export interface SetupScriptInput {
  siteName: string;
  siteSlug: string;
  generation: number;
  /** What the leaf dials, for people to read. */
  upstreamUrl: string;
  /** What the site's clients dial, for people to read. */
  clientUrl: string;
  /** `major.minor.patch` of the oldest nats-server that takes the configuration. */
  minimumNatsServerVersion: string;
  /** The files that have to be in SHA256SUMS. */
  bundleFiles: readonly string[];
}

/**
 * The text of `setup.sh`.
 * @throws DomainError `bundle_invalid` when a text has control characters.
 */
export function renderSetupScript(input: SetupScriptInput): string {
  const head = scriptHead('Installs the NATS leaf of one edge site. What it can do: sh setup.sh --help', {
    script: 'setup.sh',
    site_name: input.siteName,
    site_slug: input.siteSlug,
    generation: String(input.generation),
    upstream_url: input.upstreamUrl,
    client_url: input.clientUrl,
    minimum_version: input.minimumNatsServerVersion,
    bundle_files: input.bundleFiles.join(' '),
    renewal: 'regenerate the site and install the new bundle',
  });
  return head + BASICS + ACTIONS + OPTIONS + SUMS + ROOT + LAYOUT + NATS_SERVER + SERVICE + INSTALL + VERDICTS + MAIN;
}
