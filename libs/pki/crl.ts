import * as asn1js from 'asn1js';
import { DomainError } from '#libs/kernel';
import { contextTag, encodeConstructed } from './der.js';
import { ECDSA_WITH_SHA256, encodeTime, encodeUnsigned, extension, withSignature } from './encoding.js';
import type { Issuer } from './issuer.js';
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
  const crlNumber = extension(OID.cRLNumber, false, encodeUnsigned(octetsOf(number.toString(16))));
  const tbs = encodeConstructed([
    VERSION,
    ECDSA_WITH_SHA256,
    issuer.certificate.subject.der,
    encodeTime(thisUpdate),
    encodeTime(nextUpdate),
    // Absent, not empty, when nothing is revoked (RFC 5280, section 5.1.2.6).
    ...(revoked.length > 0 ? [encodeConstructed(revoked.map(encodeEntry))] : []),
    encodeConstructed([encodeConstructed([issuer.authorityKeyIdentifier, crlNumber])], contextTag(0, 'constructed')),
  ]);
  return withSignature(tbs, issuer.sign(tbs));
}

function encodeEntry({ serialNumber, revokedAt, reason }: RevokedCertificate): Buffer {
  const extensions = REASON_EXTENSIONS.get(reason);
  return encodeConstructed([
    encodeUnsigned(octetsOf(serialNumber)),
    encodeTime(revokedAt),
    ...(extensions ? [extensions] : []),
  ]);
}

/** Version 2 of a CRL. */
const VERSION = encodeUnsigned(Buffer.of(1));

// Without "unspecified", which should be absent rather than said (RFC 5280, section 5.3.1).
const REASON_EXTENSIONS = new Map<RevocationReason, Buffer>(
  REVOCATION_REASONS.filter((reason) => reason !== 'unspecified').map((reason) => [
    reason,
    encodeConstructed([extension(OID.reasonCode, false, new asn1js.Enumerated({ value: REASON_CODE[reason] }))]),
  ]),
);

const octetsOf = (hex: string): Buffer => Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
