import { markdownLiteral } from './quote.js';

export interface ReadmeInput {
  siteName: string;
  siteSlug: string;
  tenantSlug: string;
  generation: number;
  upstreamUrl: string;
  clientUrl: string;
  listenPort: number;
  monitorPort: number;
  minimumNatsServerVersion: string;
}

/** The one page that a person at the site reads. Names that people gave stand in code blocks, where nothing is markup. */
export function renderReadme(input: ReadmeInput): string {
  const folder = `edge-site-${input.siteSlug}`;
  // Not from URL, which leaves out a scheme's default port.
  const upstreamPort = /:(\d+)\/?$/.exec(input.upstreamUrl)?.[1];
  return `# NATS leaf of an edge site

${markdownLiteral(`Site:        ${input.siteName}`)}
${markdownLiteral(`Slug:        ${input.siteSlug} (tenant ${input.tenantSlug})`)}
${markdownLiteral(`Generation:  ${input.generation}`)}
${markdownLiteral(`Hub:         ${input.upstreamUrl}`)}
${markdownLiteral(`Clients use: ${input.clientUrl}`)}

This folder holds everything that a small message server (a NATS leaf) at this site needs. The collectors here send to it; it keeps what
they send on its disk and passes it on to the hub. When the hub or the line is away, it goes on taking messages and passes them on later.

**It holds private keys.** Whoever can read this folder can pose as this site: keep it from others, and delete copies.

## Install

You need nats-server ${input.minimumNatsServerVersion} or newer (\`nats-server --version\`), and curl or wget.

    tar -xzf ${folder}.tar.gz
    cd ${folder}
    sudo sh setup.sh

You should see a line ending in "runs and is connected to ${input.upstreamUrl}". If it says "not connected … yet", the leaf already serves
this site and keeps trying; see the table below.

Other ways, all with the same checks:

- without root or systemd: \`sh setup.sh --prefix DIR\` (starting it again after a reboot is up to you: run the same line)
- in Docker: \`sudo sh setup.sh --docker\`
- in Kubernetes: \`kubectl apply --namespace NAMESPACE -k .\`

\`sh setup.sh --help\` lists the rest.

## Check, update, remove

    sudo sh setup.sh --check         is it running, connected, storing messages; until when are the certificates valid
    sudo sh setup.sh                 in the folder of a newer bundle: update. What ran before comes back if the new one does not connect
    sudo sh setup.sh --uninstall     remove; stored messages stay unless --purge is given too

With \`--prefix\` or \`--docker\`, give that option again.

## Network

| direction | what | why |
|---|---|---|
| out | TCP ${upstreamPort} to the hub, \`${input.upstreamUrl}\` | the only connections that leave the site, two of them; nothing has to be open towards it |
| at the site | TCP ${input.listenPort} on this machine | the site's collectors, with a certificate and credentials of their own |
| this machine only | TCP ${input.monitorPort} on 127.0.0.1 | monitoring: \`curl http://127.0.0.1:${input.monitorPort}/leafz\` |

## Files

| here | on the machine (below DIR with \`--prefix\`) | what |
|---|---|---|
| \`nats/nats-leaf.conf\` | \`/etc/nats/nats-leaf.conf\` | configuration |
| \`nats/certs/\` | \`/etc/nats/certs/\` | certificates and keys |
| \`creds/\` | \`/etc/nats/creds/\` | credentials for the hub: \`tenant.creds\` for messages, \`control.creds\` to learn of revoked users |
| \`systemd/nats-leaf.service\` | \`/etc/systemd/system/nats-leaf.service\` | service |
| | \`/var/lib/nats/jetstream\` | stored messages |
| | \`/var/lib/nats/accounts\` | who may connect here, as the hub said last |
| | \`/etc/nats.previous\` | what was installed before |
| \`SHA256SUMS\` | | checksums of all other files; its own SHA-256 is the \`config_checksum\` in the API |

## When something is wrong

| you see | it means | do |
|---|---|---|
| "is not as it was downloaded" | the folder was damaged or changed | download the bundle again |
| "No nats-server was found", "too old" | nats-server is missing or older than ${input.minimumNatsServerVersion} | install a newer one; \`--nats-server PATH\` names it |
| "not connected … yet", \`connection refused\`, \`timeout\` | the hub is not reachable | allow outbound TCP ${upstreamPort}; ask whether the hub is up |
| \`Authorization Violation\`, \`Credentials Revoked\` | these credentials are no longer valid | download the newest bundle of the site and run its setup.sh |
| \`certificate\` or \`x509\` errors | a clock is wrong, or something in between opens TLS | set the clock (NTP); except the hub from TLS inspection |
| \`revocations bad\` of \`--check\` | this server does not hear of revoked users now; it serves all others | look for the lines above in its log; install the newest bundle |
| "Another program answers on 127.0.0.1:${input.monitorPort}" | another nats-server runs here | stop it: \`sudo systemctl disable --now nats-server\` |
| "was put back" | the new bundle did not work; the one before runs again | read the lines above it, then try again |
`;
}
