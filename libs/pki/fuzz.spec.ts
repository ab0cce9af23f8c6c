import { DomainError } from '#libs/kernel';
import fc from 'fast-check';
import { canonicalHost, formatSpiffeId, joinChain, parseCertificate, parseSpiffeId, sortHosts, splitChain, type SpiffeIdentity } from './index.js';
import { contextTag, encodeConstructed, encodePrimitive, TAG } from './der.js';
import { encodePem } from './pem.js';

/** The same inputs in each run; a failure prints seed and path. */
const RUNS = { seed: 20261126, numRuns: 1000 };

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'[]:.-%0af\0 \nK_') }));

/** Elements within elements, as a certificate is made of. */
const { der } = fc.letrec<{ der: Buffer }>((tie) => ({
  der: fc.oneof(
    { maxDepth: 6 },
    fc.tuple(fc.constantFrom(...Object.values(TAG), contextTag(0, 'primitive')), fc.uint8Array({ maxLength: 12 })).map(([tag, bytes]) => encodePrimitive(tag, bytes)),
    fc.tuple(fc.constantFrom(TAG.sequence, TAG.set, contextTag(0, 'constructed'), contextTag(3, 'constructed')), fc.array(tie('der'), { maxLength: 8 })).map(([tag, inner]) => encodeConstructed(inner, tag)),
  ),
}));

function refusedOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}

it.each<[string, fc.Arbitrary<string | Uint8Array>, (input: never) => unknown]>([
  ['bytes', fc.uint8Array(), (input: Uint8Array) => parseCertificate(input)],
  ['DER', der, (input: Uint8Array) => parseCertificate(input)],
  ['PEM', fc.oneof(text, der.map((bytes) => encodePem('CERTIFICATE', bytes))), (input: string) => parseCertificate(input)],
  ['a chain', text, (input: string) => splitChain(input)],
  ['a host', text, (input: string) => sortHosts([input])],
])('whatever somebody shows as a certificate, %s, is read or refused, and nothing else happens', (_what, input, read) => {
  fc.assert(
    fc.property(input, (value) => void refusedOr(() => read(value as never))),
    RUNS,
  );
});

describe('a PEM text', () => {
  it('gives back each block that was put in, whatever stands between them', () => {
    const between = text.filter((one) => !one.includes('-'));
    fc.assert(
      fc.property(fc.array(fc.tuple(between, fc.uint8Array({ minLength: 1 })), { maxLength: 5 }), (blocks) => {
        const pems = blocks.map(([, bytes]) => encodePem('CERTIFICATE', bytes));
        const whole = blocks.map(([before], index) => `${before}\n${pems[index]}`).join('');
        expect(splitChain(whole)).toEqual(pems);
        expect(splitChain(joinChain(whole))).toEqual([...new Set(pems)]);
      }),
      RUNS,
    );
  });

  it('of a hundred thousand beginnings without an end has no certificate', () => {
    expect(splitChain('-----BEGIN CERTIFICATE----- \n'.repeat(100_000))).toEqual([]);
  });
});

describe('a host', () => {
  it('in its canonical form is its own canonical form', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.domain(), fc.ipV4(), fc.ipV6()), (host) => {
        const canonical = refusedOr(() => canonicalHost(host));
        if (canonical !== undefined) expect(canonicalHost(canonical)).toBe(canonical);
      }),
      RUNS,
    );
  });
});

describe('a SPIFFE ID', () => {
  it('is made of any parts or refused, and read back as them', () => {
    const identity: fc.Arbitrary<SpiffeIdentity> = fc.record({ kind: fc.constant('agent' as const), tenant: text, site: text, agentId: text });
    fc.assert(
      fc.property(identity, (parts) => {
        const id = refusedOr(() => formatSpiffeId(parts));
        if (id !== undefined) expect(parseSpiffeId(id)).toEqual(parts);
      }),
      RUNS,
    );
  });

  it('is one identity only, or none', () => {
    const near = fc.array(fc.constantFrom('agent', 'acme', 'nyc', '.', '..', '', '%2e', 'leaf', 'nats_leaf', 'service', '?x', '#'), { maxLength: 6 });
    fc.assert(
      fc.property(near, (segments) => {
        const id = `spiffe://serviceradar.local/${segments.join('/')}`;
        const parts = parseSpiffeId(id);
        if (parts !== undefined) expect(formatSpiffeId(parts)).toBe(id);
      }),
      RUNS,
    );
  });
});
