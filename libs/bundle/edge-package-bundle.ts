import { DomainError, isId, isName, type Secret } from '#libs/kernel';
import type { BundleEntry } from './archive.js';
import { entriesOf } from './entry.js';
import { markdownLiteral } from './quote.js';

export interface EdgePackageContents {
  packageId: string;
  /** As people named it: shown as data. */
  label: string;
  /** `agent`, `gateway`, `checker` or `sync`. */
  componentType: string;
  componentId: string;
  /** `host:port` of the agent gateway. */
  gatewayAddress: string;
  /** The name that the gateway's certificate is checked for. */
  serverName: string;
  certificates: {
    /** Chain that the component shows. */
    certPem: string;
    /** What the gateway is verified with. */
    caChainPem: string;
  };
  secrets: { keyPem: Secret };
}

const CERTS = '/etc/serviceradar/certs';

/** The name of an onboarding package's top folder, and of the archive without its suffix. */
export const edgePackageFolder = (packageId: string): string => `edge-package-${packageId.slice(0, 8)}`;

/**
 * All files of an onboarding package with `SHA256SUMS` last, for `packBundle` under `edgePackageFolder`; the key is for its owner only.
 * @throws DomainError `bundle_invalid` when the id or the label is none, or a text has control characters
 */
export function edgePackageEntries(contents: EdgePackageContents): BundleEntry[] {
  const { packageId, label, certificates, secrets } = contents;
  if (!isId(packageId)) throw new DomainError('bundle_invalid', `This is not the id of a package: ${JSON.stringify(packageId)}.`);
  if (!isName(label)) throw new DomainError('bundle_invalid', `This is not the label of a package: ${JSON.stringify(label)}.`);
  return entriesOf({
    'certs/component.pem': certificates.certPem,
    'certs/component-key.pem': secrets.keyPem,
    'certs/ca-chain.pem': certificates.caChainPem,
    'config/gateway.json': renderGatewayConfiguration(contents),
    'README.md': renderReadme(contents),
  });
}

const renderGatewayConfiguration = ({ componentType, componentId, gatewayAddress, serverName }: EdgePackageContents): string => {
  const configuration = {
    component_id: componentId,
    component_type: componentType,
    gateway_address: gatewayAddress,
    server_name: serverName,
    cert_file: `${CERTS}/component.pem`,
    key_file: `${CERTS}/component-key.pem`,
    ca_file: `${CERTS}/ca-chain.pem`,
  };
  return `${JSON.stringify(configuration, null, 2)}\n`;
};

function renderReadme({ packageId, label, componentType, componentId, gatewayAddress, serverName }: EdgePackageContents): string {
  const folder = edgePackageFolder(packageId);
  return `# Onboarding package

${markdownLiteral(`Label:     ${label}`)}
${markdownLiteral(`Package:   ${packageId}`)}
${markdownLiteral(`Component: ${componentId} (${componentType})`)}
${markdownLiteral(`Gateway:   ${gatewayAddress}, whose certificate is for ${serverName}`)}

**This folder holds a private key.** Whoever can read it can pose as this component: keep it from others, and delete copies.

## Install

Check the files, then put them where \`config/gateway.json\` names them. The key is for the component's user only (here \`serviceradar\`):

    tar -xzf ${folder}.tar.gz
    cd ${folder}
    sha256sum --check SHA256SUMS
    sudo install -d -o root -g serviceradar -m 0750 /etc/serviceradar ${CERTS}
    sudo install -o root -g serviceradar -m 0640 certs/component.pem certs/component-key.pem certs/ca-chain.pem ${CERTS}
    sudo install -o root -g serviceradar -m 0640 config/gateway.json /etc/serviceradar/gateway.json

Then start the component. It dials the gateway; nothing has to be open towards it.

## Files

| here | on the machine | what |
|---|---|---|
| \`config/gateway.json\` | \`/etc/serviceradar/gateway.json\` | where the gateway is, and who this is |
| \`certs/\` | \`${CERTS}/\` | certificate, key, and what it trusts |
| \`SHA256SUMS\` | | checksums of all other files |
`;
}
