import { DomainError, Secret } from '#libs/kernel';
import fc from 'fast-check';
import {
  assertUpstreamUrl, checkAddedSubjects, decodeAccount, decodeOperator, decodeUser, duration, formatHostPort, isSubject, keyPairFromSeed, parseClaimsUpdateAnswer, parseConnections, parseCreds,
  parseHostPort, parseLeafLinks, parsePresenceEvent, parseStreamInfo, personPermissions, publicKeyKind, renderConf, size, subjectIsWithin, subjectsOverlap, verifySignature,
} from './index.js';

/** The same texts in each run; a failure prints seed and path. */
const RUNS = { seed: 20261126, numRuns: 1000 };

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom(...'.*>[]:"\\$_-ASU0\n\0 ') }));
const header = Buffer.from('{"typ":"JWT","alg":"ed25519-nkey"}').toString('base64url');
const jwt = fc.tuple(fc.jsonValue(), fc.base64String()).map(([claims, signature]) => `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature || 'x'}`);
const json = fc.oneof(fc.jsonValue(), fc.record({ type: text, server: fc.jsonValue(), data: fc.jsonValue(), state: fc.jsonValue(), client: fc.jsonValue() }));
const payload = fc.oneof(fc.uint8Array(), json.map((value) => Buffer.from(JSON.stringify(value))));
const creds = fc.tuple(text, text).map(([a, b]) => `-----BEGIN NATS USER JWT-----\n${a}\n------END NATS USER JWT------\n-----BEGIN USER NKEY SEED-----\n${b}\n------END USER NKEY SEED------\n`);

/** What is read, or undefined for what was refused; any other error than a refusal fails the test. */
function refusedOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}

const readers: [string, fc.Arbitrary<unknown>, (input: never) => unknown][] = [
  ["a user's JWT", fc.oneof(text, jwt), (input: string) => decodeUser(input)],
  ["an account's JWT", fc.oneof(text, jwt), (input: string) => decodeAccount(input)],
  ["an operator's JWT", fc.oneof(text, jwt), (input: string) => decodeOperator(input)],
  ['a seed', text, (input: string) => keyPairFromSeed(new Secret(input))],
  ['a public key', text, (input: string) => publicKeyKind(input)],
  ['a signature', fc.tuple(text, fc.uint8Array()), ([key, bytes]: [string, Uint8Array]) => verifySignature(key, bytes, bytes)],
  ['creds', fc.oneof(text, creds), (input: string) => parseCreds(new Secret(input))],
  ['an event of a connection', payload, (input: Uint8Array) => parsePresenceEvent(input)],
  ['a list of leaves', payload, (input: Uint8Array) => parseLeafLinks(input)],
  ['a list of connections', payload, (input: Uint8Array) => parseConnections(input)],
  ['an answer to a pushed account', payload, (input: Uint8Array) => parseClaimsUpdateAnswer(input)],
  ['the state of a stream', payload, (input: Uint8Array) => parseStreamInfo(input)],
  ['an upstream URL', text, (input: string) => assertUpstreamUrl(input)],
  ['subjects of a person', fc.array(text), (input: string[]) => personPermissions({ publish: input, subscribe: input })],
  ['subjects of a stream', fc.array(text), (input: string[]) => checkAddedSubjects(input)],
  ['a length of time', fc.double(), (input: number) => duration(input)],
  ['a size', fc.double(), (input: number) => size(input)],
];

describe('whatever somebody sends', () => {
  it.each(readers)('is read or refused as %s, and nothing else happens', (_what, input, read) => {
    fc.assert(
      fc.property(input, (value) => void refusedOr(() => read(value as never))),
      RUNS,
    );
  });
});

describe('a host and a port', () => {
  it('that are read are written as they were, but for the zeros of a port', () => {
    const near = fc.tuple(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6().map((ip) => `[${ip}]`), text), fc.oneof(fc.nat(70_000).map(String), text));
    fc.assert(
      fc.property(near, ([host, port]) => {
        const read = refusedOr(() => parseHostPort(`${host}:${port}`));
        if (read !== undefined) expect(parseHostPort(formatHostPort(read))).toEqual(read);
      }),
      RUNS,
    );
  });
});

describe('subjects', () => {
  const token = fc.constantFrom('a', 'b', '*', '>');
  const pattern = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.')).filter((subject) => isSubject(subject, { wildcards: true }));
  const subject = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));

  it('that a pattern within another matches are matched by the other, too', () => {
    fc.assert(
      fc.property(pattern, pattern, subject, (inner, outer, one) => {
        if (subjectIsWithin(inner, [outer]) && subjectIsWithin(one, [inner])) expect(subjectIsWithin(one, [outer])).toBe(true);
      }),
      RUNS,
    );
  });

  it('that two patterns match make them overlap', () => {
    fc.assert(
      fc.property(pattern, pattern, subject, (left, right, one) => {
        if (subjectIsWithin(one, [left]) && subjectIsWithin(one, [right])) expect(subjectsOverlap(left, right)).toBe(true);
      }),
      RUNS,
    );
  });
});

describe('a configuration', () => {
  it('has as many lines as it has entries, whatever their texts, or is refused', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1 }), (texts) => {
        const rendered = refusedOr(() => renderConf(Object.fromEntries(texts.map((value, index) => [`k${index}`, value]))));
        const isQuotable = texts.every((value) => !/[\p{Cc}\p{Cs}]/u.test(value));
        expect(rendered?.split('\n')).toEqual(isQuotable ? [...texts.map(() => expect.stringMatching(/^k\d+: "(?:[^"\\]|\\["\\])*"$/u)), ''] : undefined);
      }),
      RUNS,
    );
  });
});
