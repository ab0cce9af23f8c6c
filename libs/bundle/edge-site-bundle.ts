import { DomainError, isName, isSlug, type Secret } from '#libs/kernel';
import type { BundleEntry } from './archive.js';
import { CERTIFICATE_FILES, CREDS_FILES, renderComposeFile, renderKubernetesManifests } from './edge-site-containers.js';
import { renderReadme } from './edge-site-readme.js';
import { renderServiceUnit } from './edge-site-service.js';
import { entriesOf } from './entry.js';
import { renderSetupScript } from './setup-script/index.js';

/** The oldest nats-server that knows all that a leaf's configuration says: `first_info_timeout` came to 2.10 with this release. */
export const MINIMUM_NATS_SERVER_VERSION = '2.10.26';

/** What the files of a bundle are made of; nothing of it is secret. */
export interface EdgeSiteBundleInput {
  /** As people named it: shown as data, in every file. */
  siteName: string;
  siteSlug: string;
  tenantSlug: string;
  generation: number;
  /** The text of `nats-leaf.conf`, with the paths of a system installation. */
  natsLeafConf: string;
  /** What the leaf dials: `tls://host:port`. */
  upstreamUrl: string;
  /** Where the leaf listens for the site's clients; a port below 1024 gets the capability it needs. */
  listen: { host: string; port: number };
  /** Port of the monitoring endpoint on 127.0.0.1, as in the configuration. */
  monitorPort: number;
  /** What the site's clients dial, if the site says so. */
  natsLeafUrl: string | null;
  /** Bytes that JetStream may use on disk, as in the configuration: for the size of a volume. */
  jetstreamMaxFileBytes: number;
  /** `major.minor[.patch]`; `MINIMUM_NATS_SERVER_VERSION` when absent. */
  minimumNatsServerVersion?: string;
}

/** What is put into a bundle. */
export interface EdgeSiteBundleContents {
  /** From `renderEdgeSiteFiles`. */
  files: Readonly<Record<string, string>>;
  certificates: {
    /** Chain of the leaf's listener. */
    serverCertPem: string;
    /** Chain that the leaf shows to the hub. */
    leafCertPem: string;
    /** Tenant CA and root: what the hub is verified with. */
    caChainPem: string;
    /** The tenant CA alone: what the site's clients are verified with. */
    tenantCaPem: string;
  };
  secrets: { serverKeyPem: Secret; leafKeyPem: Secret; creds: Secret; controlCreds: Secret };
}

const SETUP_SCRIPT = 'setup.sh';
const CONFIGURATION = 'nats/nats-leaf.conf';

/**
 * Where `setup.sh` puts what a leaf runs with, below its folder (`/etc/nats`), by the path in the bundle. `SHA256SUMS` goes there too. With
 * `--prefix`, the paths within the configuration are changed.
 */
export const INSTALLED_FILES: Readonly<Record<string, string>> = Object.fromEntries(
  [CONFIGURATION, ...CERTIFICATE_FILES.map((name) => `nats/certs/${name}`), ...CREDS_FILES.map((name) => `creds/${name}`)].map((path) => [
    path,
    path.replace(/^nats\//, ''),
  ]),
);

/** The name of a site's top folder, and of the archive without its suffix. */
export const edgeSiteFolder = (siteSlug: string): string => `edge-site-${siteSlug}`;

/**
 * The texts of a site's bundle by path, without certificates, keys and credentials.
 * @throws DomainError `bundle_invalid` when a name or slug is none.
 */
export function renderEdgeSiteFiles(input: EdgeSiteBundleInput): Record<string, string> {
  const { siteName, siteSlug, tenantSlug, generation, upstreamUrl, monitorPort } = input;
  if (!isName(siteName)) throw new DomainError('bundle_invalid', `This is not the name of a site: ${JSON.stringify(siteName)}.`);
  for (const slug of [siteSlug, tenantSlug]) {
    if (!isSlug(slug)) throw new DomainError('bundle_invalid', `This is not a slug: ${JSON.stringify(slug)}.`);
  }
  const listenPort = input.listen.port;
  const minimumNatsServerVersion = input.minimumNatsServerVersion ?? MINIMUM_NATS_SERVER_VERSION;
  const clientUrl = input.natsLeafUrl ?? `tls://<this machine>:${listenPort}`;
  const container = { siteName, siteSlug, tenantSlug, generation, listenPort, monitorPort, jetstreamMaxFileBytes: input.jetstreamMaxFileBytes };
  const files: Record<string, string> = {
    [CONFIGURATION]: input.natsLeafConf,
    'systemd/nats-leaf.service': renderServiceUnit({ siteName, listenPort }),
    'docker-compose.yml': renderComposeFile(container),
    ...renderKubernetesManifests(container),
    'README.md': renderReadme({
      siteName,
      siteSlug,
      tenantSlug,
      generation,
      upstreamUrl,
      clientUrl,
      listenPort,
      monitorPort,
      minimumNatsServerVersion,
    }),
  };
  const bundleFiles = [...Object.keys(files), ...CERTIFICATE_FILES.map((name) => `nats/certs/${name}`), ...CREDS_FILES.map((name) => `creds/${name}`), SETUP_SCRIPT].sort();
  return {
    ...files,
    [SETUP_SCRIPT]: renderSetupScript({ siteName, siteSlug, generation, upstreamUrl, clientUrl, minimumNatsServerVersion, bundleFiles }),
  };
}

/**
 * All files of a site's bundle with `SHA256SUMS` last, for `packBundle` under `edgeSiteFolder`; keys and credentials are for their owner only.
 */
export function edgeSiteEntries({ files, certificates, secrets }: EdgeSiteBundleContents): BundleEntry[] {
  const pem: Record<(typeof CERTIFICATE_FILES)[number], string | Secret> = {
    'nats-server.pem': certificates.serverCertPem,
    'nats-server-key.pem': secrets.serverKeyPem,
    'nats-leaf.pem': certificates.leafCertPem,
    'nats-leaf-key.pem': secrets.leafKeyPem,
    'ca-chain.pem': certificates.caChainPem,
    'tenant-ca.pem': certificates.tenantCaPem,
  };
  const creds: Record<(typeof CREDS_FILES)[number], Secret> = { 'tenant.creds': secrets.creds, 'control.creds': secrets.controlCreds };
  return entriesOf({
    ...files,
    ...Object.fromEntries(CERTIFICATE_FILES.map((name) => [`nats/certs/${name}`, pem[name]])),
    ...Object.fromEntries(CREDS_FILES.map((name) => [`creds/${name}`, creds[name]])),
  });
}
