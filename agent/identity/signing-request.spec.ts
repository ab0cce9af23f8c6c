import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { signingRequest } from './signing-request.js';

const openssl = (csr: Buffer, ...args: string[]) => execFileSync('openssl', ['req', '-inform', 'DER', '-noout', ...args], { input: csr, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });

describe('a request for a certificate', () => {
  const { csr, keyPem } = signingRequest();

  it('is one to OpenSSL, signed by the key that it names', () => {
    expect(openssl(csr, '-verify', '-text')).toMatch(/Version: 1.*ASN1 OID: prime256v1.*Signature Algorithm: ecdsa-with-SHA256/s);
  });

  it('is for the key that comes with it, and says nothing else', () => {
    const publicKey = createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'pem' });
    expect(openssl(csr, '-pubkey')).toBe(publicKey);
    expect(openssl(csr, '-subject').trim()).toMatch(/^subject=\s*$/);
  });

  it('is for a new key each time', () => {
    expect(signingRequest().keyPem).not.toBe(keyPem);
  });
});
