import type { CollectorType } from '#libs/contracts';
import { markdownLiteral } from './quote.js';

export interface CollectorReadmeInput {
  folder: string;
  packageId: string;
  type: CollectorType;
  siteName: string | null;
  natsUrl: string;
  configFile: string;
  port: number;
  protocol: 'udp' | 'tcp';
}

/** The page of a collector that is a service of a host. */
export function renderCollectorReadme(input: CollectorReadmeInput & { service: string }): string {
  const { folder, configFile, service, port, protocol } = input;
  return `${title(input)}
## Install

You need the collector itself, the package \`${service}\`; the order does not matter.

    tar -xzf ${folder}.tar.gz
    cd ${folder}
    sudo sh update.sh

You should see a line that says that the collector runs. Without root: \`sh update.sh --prefix DIR\`; starting the collector is up to you
then. \`sh update.sh --help\` lists the rest.

## Check, update, remove

    sudo sh update.sh --check         is it installed as it is here, does the service run, until when is the certificate valid
    sudo sh update.sh                 in the folder of a newer package: update. What was there comes back if the service does not come up
    sudo sh update.sh --uninstall     stop the service and remove the files

With \`--prefix\`, give that option again.

## Network

| direction | what |
|---|---|
| in | ${protocol.toUpperCase()} ${port} from what it collects from, unless \`config/${configFile}\` says otherwise |
| out | TCP to the address above |

## Files

| here | on the machine (below DIR with \`--prefix\`) | what |
|---|---|---|
| \`config/${configFile}\` | \`/etc/serviceradar/${configFile}\` | configuration |
| \`certs/\` | \`/etc/serviceradar/certs/\` | certificate, key, and what it trusts |
| \`creds/nats.creds\` | \`/etc/serviceradar/creds/nats.creds\` | credentials for NATS |
| | \`/etc/serviceradar/collector/\` | what is installed |
| | \`/etc/serviceradar/collector.previous/\` | the files that were there before |
| \`SHA256SUMS\` | | checksums of all other files |

## When something is wrong

| you see | it means | do |
|---|---|---|
| "is not as it was downloaded" | the folder was damaged or changed | get a new token and download it again |
| "does not come up" | the collector ends; the files that were there before are back | read the lines below it; \`journalctl -u ${service}\` |
| "collector is installed here" | another type has files of the same names | remove that one, or use \`--prefix\` |
| "reads …, and not …" | the service has another configuration in its command | \`sudo systemctl edit ${service}\` |
| \`Authorization Violation\` | these credentials are no longer valid | ask for a new package |
| \`certificate\` or \`x509\` errors | a clock is wrong, or the certificate ended | set the clock (NTP); \`sudo sh update.sh --check\` |
`;
}

/** The page of falcosidekick, which runs in Kubernetes. */
export function renderFalcosidekickReadme(input: CollectorReadmeInput & { secretName: string }): string {
  const { folder, configFile, secretName, port } = input;
  return `${title(input)}
## Deploy

You need kubectl and helm (3.13 or newer) with access to the cluster, and a falcosidekick whose NATS output knows \`credsfile\` and
\`mutualtls\`. If that of the chart does not, the override \`image_tag\` of the package names another.

    tar -xzf ${folder}.tar.gz
    cd ${folder}
    sh deploy.sh --dry-run
    sh deploy.sh

This makes the secret \`${secretName}\` of the files below, and installs or upgrades the Helm release \`falcosidekick\` in the namespace
\`falco\`; \`sh deploy.sh --help\` lists how to choose others. Run it again in the folder of a newer package to update;
\`sh deploy.sh --uninstall\` removes both.

Then let Falco send its events there, as JSON, to port ${port}: \`json_output\` and \`http_output\` in its configuration.

## Files

| here | in the pods | what |
|---|---|---|
| \`${configFile}\` | | values of the Helm chart |
| \`certs/\` | \`/etc/serviceradar/certs/\` | certificate, key, and what it trusts; in the secret |
| \`creds/nats.creds\` | \`/etc/serviceradar/creds/nats.creds\` | credentials for NATS; in the secret |
| \`SHA256SUMS\` | | checksums of all other files |
`;
}

function title({ type, packageId, siteName, natsUrl }: CollectorReadmeInput): string {
  return `# Collector ${type}

${markdownLiteral(`Package:  ${packageId}`)}
${markdownLiteral(`Site:     ${siteName ?? '(none: it sends to the hub)'}`)}
${markdownLiteral(`Sends to: ${natsUrl}`)}

**This folder holds a private key and credentials.** Whoever can read it can pose as this collector: keep it from others, and delete copies.
`;
}
