import { configFileOf, FALCOSIDEKICK_SECRET, listenerOf, serviceOf } from '#libs/collectors';
import type { CollectorType } from '#libs/contracts';
import { DomainError, isId, isName, type Secret } from '#libs/kernel';
import type { BundleEntry } from './archive.js';
import { renderCollectorReadme, renderFalcosidekickReadme } from './collector-readme.js';
import { renderDeployScript } from './deploy-script.js';
import { entriesOf } from './entry.js';
import { renderUpdateScript } from './update-script/index.js';

export interface CollectorBundleContents {
  packageId: string;
  type: CollectorType;
  /** As people named it: shown as data. Null for a collector that sends to the hub. */
  siteName: string | null;
  /** What the collector dials, as in its configuration. */
  natsUrl: string;
  /** From `renderCollectorConfiguration`, with the paths of a system installation. */
  configuration: string;
  certificates: {
    /** Chain that the collector shows. */
    certPem: string;
    /** Tenant CA and root: what leaf and hub are verified with. */
    caChainPem: string;
  };
  secrets: { keyPem: Secret; creds: Secret };
}

/** The name of a collector package's top folder, and of the archive without its suffix. */
export const collectorFolder = (packageId: string): string => `collector-package-${packageId.slice(0, 8)}`;

/**
 * All files of a collector package with `SHA256SUMS` last, for `packBundle` under `collectorFolder`; key and credentials are for their
 * owner only.
 * @throws DomainError `bundle_invalid` when the id or the name is none, or a text has control characters
 */
export function collectorEntries(contents: CollectorBundleContents): BundleEntry[] {
  const { packageId, type, siteName, natsUrl, configuration, certificates, secrets } = contents;
  if (!isId(packageId)) throw new DomainError('bundle_invalid', `This is not the id of a package: ${JSON.stringify(packageId)}.`);
  if (siteName !== null && !isName(siteName)) throw new DomainError('bundle_invalid', `This is not the name of a site: ${JSON.stringify(siteName)}.`);
  const identity = {
    'certs/collector.pem': certificates.certPem,
    'certs/collector-key.pem': secrets.keyPem,
    'certs/ca-chain.pem': certificates.caChainPem,
    'creds/nats.creds': secrets.creds,
  };
  const configFile = configFileOf(type);
  const readme = { folder: collectorFolder(packageId), packageId, type, siteName, natsUrl, configFile, ...listenerOf(type) };
  const service = serviceOf(type);
  if (service === null) {
    const files = { ...identity, [configFile]: configuration, 'README.md': renderFalcosidekickReadme({ ...readme, secretName: FALCOSIDEKICK_SECRET }) };
    const script = {
      packageId,
      natsUrl,
      valuesFile: configFile,
      secretName: FALCOSIDEKICK_SECRET,
      secretFiles: Object.keys(identity).sort(),
      bundleFiles: [...Object.keys(files), 'deploy.sh'].sort(),
    };
    return entriesOf({ ...files, 'deploy.sh': renderDeployScript(script) });
  }
  const files = { ...identity, [`config/${configFile}`]: configuration, 'README.md': renderCollectorReadme({ ...readme, service }) };
  const bundleFiles = [...Object.keys(files), 'update.sh'].sort();
  return entriesOf({ ...files, 'update.sh': renderUpdateScript({ packageId, type, natsUrl, configFile, service, bundleFiles }) });
}
