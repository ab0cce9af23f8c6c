import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Canaries } from '../../support/canaries.js';

describe('the search for secrets', () => {
  const secret = 'kjh3-sd8/f7+s:d98 f7"s';
  const canaries = new Canaries();
  canaries.plant('the canary', secret);

  it.each<[string, (text: string) => string]>([
    ['as it is', (text: string) => text],
    ['in JSON', (text: string) => JSON.stringify({ a: { b: text } })],
    ['in JSON in JSON', (text: string) => JSON.stringify({ a: Buffer.from(text).toString('base64') })],
    ['in a query', (text: string) => encodeURIComponent(text)],
    ['in hex', (text: string) => Buffer.from(text).toString('hex')],
    ['in hex as PostgreSQL writes it', (text: string) => `\\x00${Buffer.from(text).toString('hex')}`],
    ['in base64url', (text: string) => Buffer.from(text).toString('base64url')],
    ...[0, 1, 2, 3, 4, 5].map((at): [string, (text: string) => string] => [
      `in base64, after ${at} bytes`,
      (text) => Buffer.from(`${'x'.repeat(at)}${text}y`).toString('base64'),
    ]),
  ])('finds what was planted %s', (_how, written) => {
    expect(canaries.in(`before ${written(secret)} after`)).toEqual([expect.stringContaining('the canary')]);
  });

  it('finds what was planted in nothing else', () => {
    expect(canaries.in(randomBytes(100_000).toString('base64'))).toEqual([]);
    expect(canaries.in(secret.slice(0, -1))).toEqual([]);
  });

  it.each([
    ['an API key', `sr_0123456789abcdef_${'s'.repeat(43)}`],
    ['a token for a package', 'collectorpkg-v2:eyJ1IjoiaHR0cCJ9.abc'],
    ['a NATS seed', `SU${'A'.repeat(56)}`],
  ])('knows %s by its looks', (what, text) => expect(canaries.in(`<${text}>`)).toEqual([what]));

  it.each(['ec', 'ed25519'] as const)('knows a private key by its looks, in each form (%s)', (type) => {
    const { privateKey } = type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
    const der = privateKey.export({ type: 'pkcs8', format: 'der' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const forms = [pem, pem.split('\n').slice(1).join('\n'), der.toString('base64'), der.toString('hex'), ...(type === 'ec' ? [der.toString('latin1')] : [])];
    for (const form of forms) expect(canaries.in(form)).not.toEqual([]);
    expect(canaries.in(pem.replace('PRIVATE', 'PUBLIC').replace(/MI?[A-Z].*/, ''))).toEqual([]);
  });
});
