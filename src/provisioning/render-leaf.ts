import { bundleChecksum, type BundleEntry, edgeSiteEntries, renderEdgeSiteFiles } from '#libs/bundle';
import type { EdgeSite, NatsLeafServer, ProvisionedLeaf, Tenant } from '#libs/model';
import { type HostPort, leafServerName, type PreloadedAccount, renderLeafConfiguration } from '#libs/nats';
import type { LeafSecrets } from '../edge-sites/index.js';

interface LeafFacts {
  tenant: Tenant;
  site: EdgeSite;
  leaf: NatsLeafServer;
  operatorJwt: string;
  systemAccount: PreloadedAccount;
  account: PreloadedAccount;
  listen: HostPort;
  certificates: Pick<ProvisionedLeaf, 'leafCertPem' | 'serverCertPem' | 'caChainPem' | 'tenantCaPem'>;
  secrets: LeafSecrets;
}

/** The files of a leaf's bundle, and the checksum that the site can compute itself. */
export function renderLeaf(facts: LeafFacts): { entries: BundleEntry[]; configChecksum: string } {
  const { tenant, site, leaf, listen } = facts;
  const natsLeafConf = renderLeafConfiguration({
    serverName: leafServerName(site.slug),
    listen,
    monitorPort: leaf.monitorPort,
    upstreamUrls: [leaf.upstreamUrl],
    jetstream: {
      domain: leaf.jetstreamDomain,
      maxMemoryBytes: leaf.jetstreamMaxMemoryBytes,
      maxFileBytes: leaf.jetstreamMaxFileBytes,
      syncAlways: leaf.jetstreamSyncAlways,
    },
    operatorJwt: facts.operatorJwt,
    systemAccount: facts.systemAccount,
    account: facts.account,
  });
  const files = renderEdgeSiteFiles({
    siteName: site.name,
    siteSlug: site.slug,
    tenantSlug: tenant.slug,
    generation: leaf.generation,
    natsLeafConf,
    upstreamUrl: leaf.upstreamUrl,
    listen,
    monitorPort: leaf.monitorPort,
    natsLeafUrl: site.natsLeafUrl ?? null,
    jetstreamMaxFileBytes: leaf.jetstreamMaxFileBytes,
  });
  const entries = edgeSiteEntries({ files, certificates: facts.certificates, secrets: facts.secrets });
  return { entries, configChecksum: bundleChecksum(entries) };
}
