import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentError, sentenceOf } from '../agent-error.js';
import { writeAtomically } from '../atomic-file.js';
import { type GatewayFile, readText } from './gateway-file.js';

/** What the agent shows, and what it takes gateways by. */
export interface Identity {
  /** The certificate, then those that it chains to. */
  certificatePem: string;
  keyPem: string;
  caChainPem: string;
}

/** Of the agent's own certificate, in milliseconds since 1970. */
export interface Validity {
  from: number;
  to: number;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, in their order. @throws Error of node:crypto when one cannot be read */
export const certificatesOf = (pem: string): X509Certificate[] => (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));

export function validityOf({ certificatePem }: Identity): Validity {
  const [certificate] = certificatesOf(certificatePem);
  // As texts: Node 20 has no `validFromDate`.
  return { from: Date.parse(certificate!.validFrom), to: Date.parse(certificate!.validTo) };
}

/**
 * Holds together what is to be shown: the key is the certificate's, the certificate chains to the CAs and says who it is for.
 * @param from for the sentence: where it comes from
 * @throws AgentError
 */
export function assertIdentity(identity: Identity, from: string): void {
  const [own, ...rest] = parsed(identity.certificatePem, from);
  const authorities = [...rest, ...parsed(identity.caChainPem, from)];
  if (own === undefined || authorities.length === 0) throw new AgentError(`${from} holds no certificate, or none of a CA.`);
  if (!own.checkPrivateKey(privateKey(identity.keyPem, from))) throw new AgentError(`${from}: the private key is not that of the certificate. Both come with one package: enrol again.`);
  if (!isChained(own, authorities)) throw new AgentError(`${from}: the certificate was not signed by a CA of the chain that came with it.`);
}

/** Up to a CA that has signed itself. */
function isChained(certificate: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  const issuer = authorities.find((one) => one.ca && certificate.checkIssued(one) && certificate.verify(one.publicKey));
  if (issuer === undefined) return false;
  return issuer.checkIssued(issuer) || isChained(issuer, authorities.filter((one) => one.fingerprint256 !== issuer.fingerprint256));
}

function parsed(pem: string, from: string): X509Certificate[] {
  try {
    return certificatesOf(pem);
  } catch (error) {
    throw new AgentError(`${from} holds a certificate that cannot be read: ${sentenceOf(error)}`);
  }
}

function privateKey(pem: string, from: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new AgentError(`${from} holds a private key that cannot be read. Enrol again.`);
  }
}

/** What the agent can show: what came with its package, and what it has renewed since. */
export class IdentityStore {
  readonly #renewed: string;

  constructor(private readonly files: GatewayFile) {
    this.#renewed = join(files.stateDirectory, 'identity.json');
  }

  /**
   * What is to be tried, in this order: what was issued last comes first.
   * @throws AgentError when there is nothing that can be used
   */
  load(): Identity[] {
    const { certFile, keyFile, caFile } = this.files;
    const enrolled = { certificatePem: readText(certFile), keyPem: readText(keyFile), caChainPem: readText(caFile) };
    assertIdentity(enrolled, certFile);
    const all = [...this.loadRenewed(), enrolled].sort((a, b) => validityOf(b).from - validityOf(a).from);
    return all.filter((one, index) => all.findIndex(({ certificatePem }) => certificatePem === one.certificatePem) === index);
  }

  /** Certificates, keys and CAs are one file, so that they change together. @param identities what is to be tried first, first */
  keep(...identities: Identity[]): void {
    mkdirSync(this.files.stateDirectory, { recursive: true, mode: 0o700 });
    writeAtomically(this.#renewed, JSON.stringify(identities));
  }

  /** What cannot be used is as good as none: that of the package is still there. */
  private loadRenewed(): Identity[] {
    if (!existsSync(this.#renewed)) return [];
    try {
      const identities = JSON.parse(readFileSync(this.#renewed, 'utf8')) as Identity[];
      for (const identity of identities) assertIdentity(identity, this.#renewed);
      return identities;
    } catch {
      return [];
    }
  }
}
