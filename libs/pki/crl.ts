import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { DomainError } from '#libs/kernel';
import { authorityKeyIdentifier, extension, timeOf } from './extensions.js';
import { ECDSA_WITH_SHA256, type Issuer, nameOf, withSignature } from './issuer.js';
import { OID } from './oids.js';

// RFC 5280, section 5.3.1. Without removeFromCRL, which only delta CRLs have.
const REASON_CODE = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type RevocationReason = keyof typeof REASON_CODE;

/** Why a certificate can be revoked. */
export const REVOCATION_REASONS = Object.keys(REASON_CODE) as readonly RevocationReason[];

export interface RevokedCertificate {
  /** Hexadecimal. */
  serialNumber: string;
  revokedAt: Date;
  reason: RevocationReason;
}

export interface CrlTerms {
  /** Larger than that of every list of this issuer before (RFC 5280, section 5.2.3). */
  number: number;
  thisUpdate: Date;
  nextUpdate: Date;
}

/**
 * A full CRL of version 2 in DER (RFC 5280, section 5), with the issuer's key identifier and the number. Times are cut to whole seconds.
 * @throws DomainError `profile_violation` when the issuer may not sign CRLs, or the number or the times are impossible.
 */
export function buildCrl(issuer: Issuer, revoked: readonly RevokedCertificate[], { number, thisUpdate, nextUpdate }: CrlTerms): Buffer {
  if (!issuer.certificate.keyUsage.includes('cRLSign')) throw new DomainError('profile_violation', 'This CA may not sign CRLs (keyUsage cRLSign).');
  if (!Number.isSafeInteger(number) || number < 0) throw new DomainError('profile_violation', `A CRL cannot have the number ${number}.`);
  if (nextUpdate <= thisUpdate) throw new DomainError('profile_violation', 'The next CRL must come after this one.');
  const list = new pkijs.CertificateRevocationList({
    version: 1,
    signature: ECDSA_WITH_SHA256,
    issuer: nameOf(issuer.certificate.subject),
    thisUpdate: timeOf(wholeSeconds(thisUpdate)),
    nextUpdate: timeOf(wholeSeconds(nextUpdate)),
    // Absent, not empty, when nothing is revoked (RFC 5280, section 5.1.2.6).
    ...(revoked.length > 0 ? { revokedCertificates: revoked.map(entryOf) } : {}),
    crlExtensions: new pkijs.Extensions({
      extensions: [authorityKeyIdentifier(issuer.keyIdentifier), extension(OID.cRLNumber, false, asn1js.Integer.fromBigInt(BigInt(number)))],
    }),
  });
  const tbs = Buffer.from(encodeTbs(list));
  return withSignature(tbs, issuer.sign(tbs));
}

function entryOf({ serialNumber, revokedAt, reason }: RevokedCertificate): pkijs.RevokedCertificate {
  const code = new asn1js.Enumerated({ value: REASON_CODE[reason] });
  return new pkijs.RevokedCertificate({
    userCertificate: asn1js.Integer.fromBigInt(BigInt(`0x${serialNumber}`)),
    revocationDate: timeOf(wholeSeconds(revokedAt)),
    // "unspecified" should be absent rather than said (RFC 5280, section 5.3.1).
    ...(reason === 'unspecified' ? {} : { crlEntryExtensions: new pkijs.Extensions({ extensions: [extension(OID.reasonCode, false, code)] }) }),
  });
}

/** `encodeTBS` of a list is protected in pkijs, unlike that of a certificate: the list's own schema has it as its first element. */
function encodeTbs(list: pkijs.CertificateRevocationList): ArrayBuffer {
  const [tbs] = list.toSchema(true).valueBlock.value;
  if (!tbs) throw new Error('pkijs wrote a CRL without content');
  return tbs.toBER();
}

const wholeSeconds = (time: Date): Date => new Date(Math.floor(time.getTime() / 1000) * 1000);
