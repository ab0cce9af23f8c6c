import { connect, type PeerCertificate } from 'node:tls';
import { type ServiceError, status } from '@grpc/grpc-js';
import { sentenceOf } from '../agent-error.js';
import type { GatewayFile } from '../identity/gateway-file.js';

/**
 * Why the gateway did not answer. `clock`: this machine's clock is wrong, or a certificate has ended. `untrusted`: what answered is not the gateway.
 * `refused`: the gateway does not want this agent. `unreachable`: nothing answered. `failed`: anything else.
 */
export type FailureKind = 'clock' | 'untrusted' | 'refused' | 'unreachable' | 'failed';

export interface Failure {
  kind: FailureKind;
  /** What is wrong, and what to do. */
  sentence: string;
}

type Gateway = Pick<GatewayFile, 'address' | 'serverName'>;

/**
 * What a failed call means, by what gRPC and TLS say.
 * @param error a ServiceError, or anything
 * @param isConnected whether there is a connection all the same: then it is the gateway that says so
 */
export function failureOf(error: unknown, { address, serverName }: Gateway, isConnected = false): Failure {
  const { code, details = sentenceOf(error) } = error as Partial<ServiceError>;
  const is = (pattern: RegExp) => pattern.test(details);
  if (code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED || code === status.FAILED_PRECONDITION) {
    return { kind: 'refused', sentence: `The gateway refuses this agent: ${details}` };
  }
  if (isConnected && code === status.UNAVAILABLE) return { kind: 'failed', sentence: `The gateway at ${address} cannot do what it is asked right now: ${details}` };
  if (is(/not yet valid|has expired|CERT_NOT_YET_VALID|CERT_HAS_EXPIRED/i)) {
    return { kind: 'clock', sentence: `The certificate of the gateway at ${address} is not valid at the time that this machine's clock shows.` };
  }
  if (is(/local issuer|self.signed|unable to verify|certificate signature failure/i)) {
    return { kind: 'untrusted', sentence: `What answers at ${address} shows a certificate of another CA: it is not the gateway of this package, or something in between reads along. Check gateway_address, or enrol again.` };
  }
  if (is(/altnames|Hostname\/IP does not match/i)) {
    return { kind: 'untrusted', sentence: `What answers at ${address} has a certificate for another name than ${serverName}. Check gateway_address and server_name.` };
  }
  if (is(/alert|ECONNRESET|socket hang up|handshake/i) && code === status.UNAVAILABLE) {
    return { kind: 'refused', sentence: `What answers at ${address} ends the connection: it does not take this agent's certificate, or is not ready yet (${details}).` };
  }
  if (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED) {
    return { kind: 'unreachable', sentence: `The gateway at ${address} does not answer (${details}). The agent needs an outbound TCP connection to it.` };
  }
  return { kind: 'failed', sentence: `The gateway at ${address} answered: ${details}` };
}

/**
 * What is wrong with the time, by the certificate that the gateway shows, which is looked at and not trusted.
 * @param now what this machine takes for the time, in milliseconds since 1970
 * @returns a sentence; undefined when the gateway shows none
 */
export async function explainClock({ address, serverName }: Gateway, now: number): Promise<string | undefined> {
  const shown = await shownCertificate(address, serverName);
  if (shown === undefined) return undefined;
  const [from, to] = [Date.parse(shown.valid_from), Date.parse(shown.valid_to)];
  const [here, first, last] = [now, from, to].map((time) => new Date(time).toISOString());
  if (now < from) return `clock_skew: this machine's clock says ${here}, and the gateway's certificate is good from ${first} on: the clock is behind. Set it (timedatectl set-ntp true); the agent keeps trying.`;
  if (now > to) return `clock_skew: this machine's clock says ${here}, and the gateway's certificate was good until ${last}: the clock is ahead, or the gateway's certificate has ended. Set the clock (timedatectl set-ntp true); the agent keeps trying.`;
  return undefined;
}

function shownCertificate(address: string, serverName: string): Promise<PeerCertificate | undefined> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const socket = connect({ host, port: Number(port), servername: serverName, ALPNProtocols: ['h2'], rejectUnauthorized: false, timeout: 5_000 });
    const end = (certificate?: PeerCertificate) => {
      socket.destroy();
      resolve(certificate);
    };
    socket.once('secureConnect', () => end(socket.getPeerCertificate()));
    socket.once('timeout', () => end());
    socket.once('error', () => end());
  });
}
