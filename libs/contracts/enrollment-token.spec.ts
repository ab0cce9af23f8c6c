import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import { type EnrollmentTicket, EnrollmentTokenError, formatEnrollmentToken, parseEnrollmentToken } from './enrollment-token.js';

const PREFIX = 'collectorpkg-v2:';
const NOW = new Date('2026-03-04T05:06:07.089Z');
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const signWith = (key: KeyObject) => (bytes: Buffer) => sign(null, bytes, key);
const ticket: EnrollmentTicket = {
  apiUrl: 'https://edge.example.com/api',
  packageId: '01890a5d-ac96-774b-bcce-b302099a8057',
  secret: 'q_Zr0sQ1m2Vd3x4y5z6A7B8C9D0E1F2G3H4I5J6K7L8',
  expiresAt: new Date('2026-03-05T05:06:07Z'),
  configFile: 'flowgger.toml',
};
const token = formatEnrollmentToken(ticket, signWith(privateKey));
const parse = (text: string, key: string | KeyObject = publicKey, now = NOW) => parseEnrollmentToken(text, key, now);
/** A token of any content, with a signature that is right. */
const signed = (payload: string | Buffer): string => {
  const bytes = Buffer.from(payload);
  return `${PREFIX}${bytes.toString('base64url')}.${sign(null, bytes, privateKey).toString('base64url')}`;
};
const faultOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof EnrollmentTokenError) return error.fault;
    throw error;
  }
  return 'none';
};

describe('an enrollment token', () => {
  it('gives back the ticket that it was made of', () => {
    expect(parse(token)).toEqual(ticket);
    expect(parse(token, publicKey.export({ type: 'spki', format: 'pem' }).toString())).toEqual(ticket);
  });

  it('may name no file', () => {
    const { configFile: _, ...without } = ticket;
    expect(parse(formatEnrollmentToken(without, signWith(privateKey)))).toEqual(without);
  });

  it('is the JSON of its fields and the signature of that', () => {
    const [payload] = token.slice(PREFIX.length).split('.') as [string];
    expect(token.startsWith(PREFIX)).toBe(true);
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual({
      u: ticket.apiUrl,
      p: ticket.packageId,
      t: ticket.secret,
      e: ticket.expiresAt.getTime() / 1000,
      f: ticket.configFile,
    });
    expect(token).toBe(signed(Buffer.from(payload, 'base64url')));
  });

  it('says until when in whole seconds', () => {
    const late = formatEnrollmentToken({ ...ticket, expiresAt: new Date('2026-03-05T05:06:07.999Z') }, signWith(privateKey));
    expect(parse(late).expiresAt).toEqual(new Date('2026-03-05T05:06:07Z'));
  });

  it('is valid up to the second that it names, and not in it', () => {
    expect(parse(token, publicKey, new Date(ticket.expiresAt.getTime() - 1))).toEqual(ticket);
    expect(faultOf(() => parse(token, publicKey, ticket.expiresAt))).toBe('expired');
  });

  it('is refused when another key signed it', () => {
    const other = generateKeyPairSync('ed25519');
    expect(faultOf(() => parse(token, other.publicKey))).toBe('bad_signature');
    expect(faultOf(() => parse(formatEnrollmentToken(ticket, signWith(other.privateKey))))).toBe('bad_signature');
  });

  it('is refused whichever of its characters is another', () => {
    const position = fc.nat(token.length - 1);
    fc.assert(
      fc.property(position, fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 1 }), (at, character) => {
        fc.pre(token[at] !== character);
        expect(faultOf(() => parse(token.slice(0, at) + character + token.slice(at + 1)))).not.toBe('none');
      }),
      { numRuns: 2000 },
    );
  });

  it('is refused whichever bit of its bytes is another', () => {
    const parts = token.slice(PREFIX.length).split('.').map((part) => Buffer.from(part, 'base64url'));
    for (const part of [0, 1]) {
      for (let bit = 0; bit < parts[part]!.length * 8; bit++) {
        const changed = parts.map((bytes) => Buffer.from(bytes));
        changed[part]![bit >> 3]! ^= 1 << (bit & 7);
        const text = PREFIX + changed.map((bytes) => bytes.toString('base64url')).join('.');
        expect(faultOf(() => parse(text))).toBe('bad_signature');
      }
    }
  });

  it('is refused when a part of it is missing or something is added', () => {
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.nat(token.length), fc.string({ minLength: 1, maxLength: 5 }), (length, at, added) => {
        expect(faultOf(() => parse(token.slice(0, length)))).not.toBe('none');
        expect(faultOf(() => parse(token.slice(0, at) + added + token.slice(at)))).not.toBe('none');
      }),
    );
  });

  it('never shows its secret when it is refused', () => {
    for (const text of [`${token}x`, token.replace('v2', 'v1'), signed(JSON.stringify({ t: ticket.secret }))]) {
      expect(() => parse(text)).toThrow(expect.objectContaining({ message: expect.not.stringContaining(ticket.secret) }));
    }
  });

  describe('whose signature is right', () => {
    const fields = { u: ticket.apiUrl, p: ticket.packageId, t: ticket.secret, e: 1772687167 };

    it.each([
      ['is no JSON', 'x'],
      ['is no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
      ['is no object', '[]'],
      ['is null', 'null'],
      ['names no API', JSON.stringify({ ...fields, u: undefined })],
      ['names an API by another scheme', JSON.stringify({ ...fields, u: 'file:///etc/passwd' })],
      ['names an API with credentials', JSON.stringify({ ...fields, u: 'https://a:b@example.com/api' })],
      ['names an API with a query', JSON.stringify({ ...fields, u: 'https://example.com/api?x' })],
      ['names a package by a path', JSON.stringify({ ...fields, p: '../admin' })],
      ['has no secret', JSON.stringify({ ...fields, t: '' })],
      ['has a secret that would be code to a shell', JSON.stringify({ ...fields, t: '$(touch x)' })],
      ['expires never', JSON.stringify({ ...fields, e: undefined })],
      ['expires in text', JSON.stringify({ ...fields, e: '1772687167' })],
      ['expires within a second', JSON.stringify({ ...fields, e: 1772687167.5 })],
      ['expires after time', JSON.stringify({ ...fields, e: 1e300 })],
      ['names a file elsewhere', JSON.stringify({ ...fields, f: '../flowgger.toml' })],
      ['has a field that is not known', JSON.stringify({ ...fields, x: 1 })],
    ])('is refused when it %s', (_, payload) => {
      expect(faultOf(() => parse(signed(payload)))).toBe('malformed');
    });

    it('is refused in another encoding of the same bytes', () => {
      for (const text of [`${token}=`, token.replace('.', '=.'), `${token}\n`, ` ${token}`]) expect(faultOf(() => parse(text))).toBe('malformed');
    });

    it('is refused when it is longer than one can be', () => {
      expect(faultOf(() => parse(signed(JSON.stringify({ ...fields, u: `https://example.com/${'a'.repeat(5000)}` }))))).toBe('malformed');
    });
  });

  it('is not made of a ticket that would be refused', () => {
    for (const change of [{ apiUrl: 'edge.example.com' }, { packageId: 'x' }, { secret: '' }, { expiresAt: new Date(NaN) }, { configFile: 'a/b' }, { apiUrl: `https://example.com/${'a'.repeat(4000)}` }]) {
      expect(faultOf(() => formatEnrollmentToken({ ...ticket, ...change }, signWith(privateKey)))).toBe('malformed');
    }
  });
});
