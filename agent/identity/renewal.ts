import type { GatewayClock } from '../clock.js';
import { AgentError } from '../agent-error.js';
import type { RenewalAnswer } from '../gateway/wire.js';
import { assertIdentity, certificatesOf, type Identity, type Validity, validityOf } from './identity.js';
import { signingRequest } from './signing-request.js';

/** The part of its life after which a certificate is renewed: before two thirds, so that there is time to try again. */
const DUE_AFTER = 0.6;

/** Whether a certificate is to be renewed. @param now by the gateway's clock, milliseconds since 1970 */
export const isDue = ({ from, to }: Validity, now: number): boolean => now >= from + (to - from) * DUE_AFTER;

/**
 * Gets a new certificate for a new key.
 * @param ask sends the request (PKCS#10 in DER) to the gateway
 * @throws AgentError when the answer cannot be used; what `ask` throws
 */
export async function renew(current: Identity, ask: (csr: Buffer) => Promise<RenewalAnswer>, clock: GatewayClock): Promise<Identity> {
  const { keyPem, csr } = signingRequest();
  const { certificate_pem: certificatePem, ca_chain_pem: caChainPem } = await ask(csr);
  const renewed = { certificatePem, keyPem, caChainPem: caChainPem || current.caChainPem };
  assertIdentity(renewed, 'The renewed certificate that the gateway has sent');
  const nameOf = ({ certificatePem: pem }: Identity) => certificatesOf(pem)[0]!.subjectAltName;
  if (nameOf(renewed) !== nameOf(current)) throw new AgentError(`The renewed certificate is for ${nameOf(renewed)}, and not for ${nameOf(current)}. It is not used.`);
  const { from, to } = validityOf(renewed);
  if (to <= clock.now() || to <= validityOf(current).to) throw new AgentError(`The renewed certificate ends at ${new Date(to).toISOString()}, no later than the one before, or was over when it came. It is not used.`);
  if (from > clock.now()) throw new AgentError(`The renewed certificate is good from ${new Date(from).toISOString()} on, which is still to come. It is not used yet.`);
  return renewed;
}
