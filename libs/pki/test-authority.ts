import { createPrivateKey, sign } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { type Clock, systemClock, systemRandom } from '#libs/kernel';
import { contextTag, encodeConstructed } from './der.js';
import { encodeName, encodeUnsigned, withSignature } from './encoding.js';
import type { CertificateIntent } from './intent.js';
import { type SignedCertificate, signCertificate, signRootCertificate } from './issue.js';
import { type Issuer, loadIssuer } from './issuer.js';
import { generateKeyPair, type KeyPair } from './keys.js';
import { type PlanContext, planRootCa, planServicesCa, planTenantCa } from './profiles.js';

/** For tests: a whole installation's CAs, made with real keys. */
export class TestAuthority {
  readonly context: PlanContext;
  readonly root: Issuer;
  readonly services: Issuer;
  readonly tenant: Issuer;
  readonly tenantKey: KeyPair;

  constructor(tenant = 'acme', clock: Clock = systemClock) {
    this.context = { clock, random: systemRandom };
    const rootKey = generateKeyPair();
    const { certificatePem } = signRootCertificate(planRootCa(this.context), rootKey);
    this.root = loadIssuer({ certificatePem, privateKeyPem: rootKey.privateKeyPem });
    this.services = this.authority(planServicesCa({ issuer: this.root }, this.context), generateKeyPair());
    this.tenantKey = generateKeyPair();
    this.tenant = this.authority(planTenantCa({ tenant, issuer: this.root }, this.context), this.tenantKey);
  }

  authority(intent: CertificateIntent, key: KeyPair): Issuer {
    const { certificatePem } = signCertificate(intent, key.publicKey, this.root);
    return loadIssuer({ certificatePem, privateKeyPem: key.privateKeyPem });
  }
}

export interface EndEntity extends SignedCertificate {
  key: KeyPair;
}

export function issueTo(intent: CertificateIntent, issuer: Issuer): EndEntity {
  const key = generateKeyPair();
  return { ...signCertificate(intent, key.publicKey, issuer), key };
}

/** A certification request in DER (PKCS #10) for a key, signed by it, or by another one. */
export function requestFor({ publicKey, privateKeyPem }: KeyPair, signer: Pick<KeyPair, 'privateKeyPem'> = { privateKeyPem }): Buffer {
  const info = encodeConstructed([encodeUnsigned(Buffer.of(0)), encodeName('acme', 'an agent'), publicKey, encodeConstructed([], contextTag(0, 'constructed'))]);
  return withSignature(info, sign('sha256', info, createPrivateKey(signer.privateKeyPem.reveal())));
}

/** Signs a certificate again after `edit` has changed it: what a CA gone wrong would sign, which `signCertificate` refuses to. */
export function signAltered(der: Buffer, { privateKeyPem }: KeyPair, edit: (certificate: pkijs.Certificate) => void): Buffer {
  const certificate = pkijs.Certificate.fromBER(Uint8Array.from(der));
  edit(certificate);
  const tbs = Buffer.from(certificate.encodeTBS().toBER());
  return withSignature(tbs, sign('sha256', tbs, createPrivateKey(privateKeyPem.reveal())));
}

/** An extension of URIs and DNS names, for `signAltered`. */
export function subjectAltName(uris: string[], dnsNames: string[] = []): pkijs.Extension {
  const names = [
    ...uris.map((value) => new pkijs.GeneralName({ type: 6, value })),
    ...dnsNames.map((value) => new pkijs.GeneralName({ type: 2, value })),
  ];
  return new pkijs.Extension({ extnID: '2.5.29.17', extnValue: new pkijs.GeneralNames({ names }).toSchema().toBER() });
}

export const anyExtension = (extnID: string): pkijs.Extension => new pkijs.Extension({ extnID, extnValue: new asn1js.Null().toBER() });
