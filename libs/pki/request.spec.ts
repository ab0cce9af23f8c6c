import { execFileSync } from 'node:child_process';
import { webcrypto } from 'node:crypto';
import * as pkijs from 'pkijs';
import fc from 'fast-check';
import { DomainError } from '#libs/kernel';
import { generateKeyPair, publicKeyOfRequest } from './index.js';
import { requestFor } from './test-authority.js';

const key = generateKeyPair();
const good = requestFor(key);

/** @param key as `-newkey` and `-pkeyopt` take it @param more of `openssl req` */
const byOpenssl = (key: string[], ...more: string[]): Buffer =>
  execFileSync('openssl', ['req', '-new', '-newkey', ...key, '-nodes', '-keyout', '/dev/null', '-subj', '/O=acme/CN=x', '-outform', 'DER', ...more], { stdio: ['ignore', 'pipe', 'ignore'] });
const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

const refusalOf = (request: Uint8Array): string => {
  try {
    publicKeyOfRequest(request);
    return 'taken';
  } catch (error) {
    expect(error).toMatchObject({ code: 'malformed_request' });
    return (error as Error).message;
  }
};

describe('a request for a certificate', () => {
  it('gives the key that has signed it', () => {
    expect(publicKeyOfRequest(good).equals(key.publicKey)).toBe(true);
  });

  it('is taken of OpenSSL, with extensions and without', () => {
    for (const more of [[], ['-addext', 'subjectAltName=DNS:hub.example.com']]) expect(publicKeyOfRequest(byOpenssl(P256, ...more))).toHaveLength(91);
  });

  it('is taken of another library', async () => {
    pkijs.setEngine('node', new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto as never }));
    const { privateKey, publicKey } = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    const request = new pkijs.CertificationRequest();
    await request.subjectPublicKeyInfo.importKey(publicKey as never);
    await request.sign(privateKey as never, 'SHA-256');
    const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', publicKey));
    expect(publicKeyOfRequest(new Uint8Array(request.toSchema(true).toBER())).equals(spki)).toBe(true);
  });

  it.each<[string, () => Uint8Array, RegExp]>([
    ['signed by another key', () => requestFor(key, generateKeyPair()), /its own key did not sign it/],
    ['for another curve', () => byOpenssl(['ec', '-pkeyopt', 'ec_paramgen_curve:P-384']), /not of the curve P-256/],
    ['for an RSA key', () => byOpenssl(['rsa:2048']), /not of the curve P-256/],
    ['for an Ed25519 key', () => byOpenssl(['ed25519']), /not of the curve P-256/],
    ['signed with another hash', () => byOpenssl(P256, '-sha384'), /not signed with ECDSA and SHA-256/],
    ['that is empty', () => Buffer.alloc(0), /cannot be read/],
    ['with bytes behind it', () => Buffer.concat([good, Buffer.of(0)]), /cannot be read: bytes are left over/],
    ['in PEM', () => Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${good.toString('base64')}\n`), /cannot be read/],
    ['that is too long', () => Buffer.alloc(4097, 0x30), /4097 octets/],
  ])('%s is refused', (_what, request, why) => expect(refusalOf(request())).toMatch(why));

  it('of which any octet was changed is not taken for what it was', () => {
    fc.assert(
      fc.property(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(good);
        changed[at]! ^= by;
        expect(refusalOf(changed)).not.toBe('taken');
      }),
      { numRuns: 300 },
    );
  });

  it('that is any bytes is read or refused, and nothing else', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => {
      try {
        publicKeyOfRequest(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DomainError);
      }
    }));
  });
});
