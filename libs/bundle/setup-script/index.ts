import { shellQuote } from '../quote.js';
import { BUNDLE_CHECK } from './bundle-check.js';
import { INSTALL } from './install.js';
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
 * The text of `setup.sh`: POSIX shell (POSIX.1-2017), for dash and busybox too.
 *
 * The parts are raw template strings, in which `${` would interpolate: the script does without braces around variables, and without
 * backquotes.
 * @throws DomainError `bundle_invalid` when a text has control characters.
 */
export function renderSetupScript(input: SetupScriptInput): string {
  const constants = {
    site_name: input.siteName,
    site_slug: input.siteSlug,
    generation: String(input.generation),
    upstream_url: input.upstreamUrl,
    client_url: input.clientUrl,
    minimum_version: input.minimumNatsServerVersion,
    bundle_files: input.bundleFiles.join(' '),
  };
  // What people name a site may look like code; it is quoted.
  const assignments = Object.entries(constants).map(([name, value]) => `# shellcheck disable=SC1003,SC2016\n${name}=${shellQuote(value)}\n`);
  return PREAMBLE + assignments.join('') + OPTIONS + BUNDLE_CHECK + NATS_SERVER + SERVICE + INSTALL + MAIN;
}

const PREAMBLE = String.raw`#!/bin/sh
# Installs the NATS leaf of one edge site. What it can do: sh setup.sh --help
set -eu
umask 077
LC_ALL=C
export LC_ALL
unset CDPATH

`;
