import { inspect } from 'node:util';
import { Secret, systemRandom } from '#libs/kernel';
import { nkeys } from '@nats-io/transport-node';
import fc from 'fast-check';
import { decodeBase32, encodeBase32 } from './base32.js';
import { createKeyPair, type KeyKind, keyPairFromSeed, publicKeyKind, verifySignature } from './nkeys.js';

const { createAccount, createOperator, createServer, createUser, fromPublic, fromSeed } = nkeys;

const KINDS: [KeyKind, string, () => { getPublicKey(): string; getSeed(): Uint8Array }][] = [
  ['operator', 'O', createOperator],
  ['account', 'A', createAccount],
  ['user', 'U', createUser],
  ['server', 'N', createServer],
];

const message = Buffer.from('a message');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('base32', () => {
  it('reads back what it wrote', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => expect(decodeBase32(encodeBase32(bytes))).toEqual(Buffer.from(bytes))));
  });

  it.each(['mzxw6', 'MZXW6===', 'MZXW6 ', 'MZXW1', 'A', 'MZ7'])('refuses %j', (input) => {
    expect(decodeBase32(input)).toBeUndefined();
  });

  it('writes the vectors of RFC 4648', () => {
    expect(['f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((plain) => encodeBase32(Buffer.from(plain)))).toEqual(
      ['MY', 'MZXQ', 'MZXW6', 'MZXW6YQ', 'MZXW6YTB', 'MZXW6YTBOI'],
    );
  });
});

describe.each(KINDS)('a key pair of kind %s', (kind, letter, createForeign) => {
  const pair = createKeyPair(kind, systemRandom);

  it('shows its kind in its texts', () => {
    expect(pair.publicKey).toMatch(new RegExp(`^${letter}[A-Z2-7]{55}$`));
    expect(pair.seed.reveal()).toMatch(new RegExp(`^S${letter}[A-Z2-7]{56}$`));
    expect(publicKeyKind(pair.publicKey)).toBe(kind);
  });

  it('does not show its seed when printed', () => {
    expect(inspect(pair, { depth: 9 }) + JSON.stringify(pair)).not.toContain(pair.seed.reveal());
  });

  it('comes back whole from its seed', () => {
    const again = keyPairFromSeed(pair.seed);
    expect([again.kind, again.publicKey, again.seed.reveal()]).toEqual([kind, pair.publicKey, pair.seed.reveal()]);
  });

  it('is read by the nkeys library, and its signature accepted', () => {
    const foreign = fromSeed(Buffer.from(pair.seed.reveal()));
    expect(foreign.getPublicKey()).toBe(pair.publicKey);
    expect(fromPublic(pair.publicKey).verify(message, pair.sign(message))).toBe(true);
    expect(text(foreign.sign(message))).toBe(text(pair.sign(message)));
  });

  it('is read from the nkeys library', () => {
    const foreign = createForeign();
    expect(keyPairFromSeed(new Secret(text(foreign.getSeed()))).publicKey).toBe(foreign.getPublicKey());
  });

  it('verifies its own signature and no other', () => {
    const signature = pair.sign(message);
    expect(verifySignature(pair.publicKey, message, signature)).toBe(true);
    expect(verifySignature(pair.publicKey, Buffer.from('another'), signature)).toBe(false);
    expect(verifySignature(createKeyPair(kind, systemRandom).publicKey, message, signature)).toBe(false);
    expect(verifySignature(pair.publicKey, message, signature.subarray(1))).toBe(false);
  });
});

describe('a key that was altered', () => {
  const pair = createKeyPair('user', systemRandom);
  const altered = (key: string): fc.Arbitrary<string> =>
    fc
      .tuple(fc.nat(key.length - 1), fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567abc018= '))
      .map(([index, letter]) => key.slice(0, index) + letter + key.slice(index + 1))
      .filter((candidate) => candidate !== key);

  it('is no public key', () => {
    fc.assert(fc.property(altered(pair.publicKey), (key) => expect(publicKeyKind(key)).toBeUndefined()));
  });

  it('is no seed, and the refusal does not repeat it', () => {
    fc.assert(
      fc.property(altered(pair.seed.reveal()), (seed) => {
        const read = (): unknown => keyPairFromSeed(new Secret(seed));
        expect(read).toThrow(expect.objectContaining({ code: 'invalid_configuration' }));
        expect(read).not.toThrow(seed);
      }),
    );
  });

  it.each(['', 'U', pair.publicKey.slice(1), `${pair.publicKey}A`, pair.publicKey.toLowerCase(), pair.seed.reveal()])('is no public key: %#', (key) => {
    expect(publicKeyKind(key)).toBeUndefined();
    expect(() => verifySignature(key, message, Buffer.alloc(64))).toThrow(expect.objectContaining({ code: 'invalid_configuration' }));
  });
});
