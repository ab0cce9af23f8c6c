import { generateKeyPairSync, sign } from 'node:crypto';
import { EnrollmentTokenError, formatEnrollmentToken, parseEnrollmentToken } from '#libs/contracts';
import { DomainError, isId, isName, isSlug, slugFromName } from '#libs/kernel';
import { packBundle } from '#libs/bundle';
import fc from 'fast-check';
import { formatApiKey, parseApiKey } from './auth/api-key.js';
import { redactText } from './logging/redact.js';
import { decodeCursor, encodeCursor } from './paging/index.js';
import { isHost, isListenAddress, isNatsUrl, splitHostPort } from './validation/host.js';

/** The same texts in each run; a failure prints seed and path. */
const RUNS = { seed: 20261126, numRuns: 1000 };

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom(...'./\\[]:-_ @%0aA\0\n') }));

describe('a cursor', () => {
  it('is read as the id that it stands for', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => expect(decodeCursor(encodeCursor(id))).toBe(id)),
      RUNS,
    );
  });

  it('of any text is none, or the one that its id has', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.base64String(), text.map(encodeCursor)), (cursor) => {
        const id = decodeCursor(cursor);
        if (id !== undefined) expect([isId(id), encodeCursor(id)]).toEqual([true, cursor]);
      }),
      RUNS,
    );
  });
});

describe('an API key', () => {
  it('of any text is none, or the one that its parts make', () => {
    const near = fc.tuple(fc.stringMatching(/^[A-Za-z0-9_-]{0,40}$/), fc.stringMatching(/^[A-Za-z0-9_-]{0,140}$/)).map(([id, secret]) => `sr_${id}_${secret}`);
    fc.assert(
      fc.property(fc.oneof(text, near), (key) => {
        const parts = parseApiKey(key);
        if (parts !== undefined) expect(formatApiKey(parts)).toBe(key);
      }),
      RUNS,
    );
  });
});

describe('an enrolment token', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const now = new Date('2026-01-01T00:00:00Z');
  const signWith = (bytes: Buffer): Buffer => sign(null, bytes, privateKey);
  const refused = (act: () => unknown): boolean => {
    try {
      act();
      return false;
    } catch (error) {
      if (error instanceof EnrollmentTokenError) return true;
      throw error;
    }
  };

  it('of any ticket is refused, or read as the ticket', () => {
    const ticket = fc.record(
      { apiUrl: fc.oneof(fc.webUrl(), text), packageId: fc.uuid(), secret: fc.oneof(fc.stringMatching(/^[A-Za-z0-9._~+/=-]{1,80}$/), text), expiresAt: fc.date({ min: new Date('2026-01-02') }), configFile: text },
      { requiredKeys: ['apiUrl', 'packageId', 'secret', 'expiresAt'] },
    );
    fc.assert(
      fc.property(ticket, (given) => {
        let token = '';
        if (refused(() => (token = formatEnrollmentToken(given, signWith)))) return;
        expect(parseEnrollmentToken(token, publicKey, now)).toEqual({ ...given, expiresAt: new Date(Math.floor(given.expiresAt.getTime() / 1000) * 1000) });
      }),
      RUNS,
    );
  });

  it('of any other payload is refused, though it is signed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)))), (payload) => {
        const bytes = Buffer.from(payload);
        const token = `collectorpkg-v2:${bytes.toString('base64url')}.${signWith(bytes).toString('base64url')}`;
        expect(refused(() => parseEnrollmentToken(token, publicKey, now))).toBe(true);
      }),
      RUNS,
    );
  });
});

describe('a host', () => {
  const near = fc.oneof(text, fc.domain(), fc.ipV4(), fc.ipV6(), fc.tuple(fc.ipV6(), fc.nat(70_000)).map(([ip, port]) => `[${ip}]:${port}`), fc.tuple(fc.domain(), fc.nat(70_000)).map(([name, port]) => `${name}:${port}`));

  it('with a port is taken apart into a host and a port, or refused', () => {
    fc.assert(
      fc.property(near, (address) => {
        const parts = splitHostPort(address);
        if (parts !== undefined) expect(isHost(parts.host)).toBe(true);
        expect(isNatsUrl(`tls://${address}`)).toBe(parts !== undefined);
        expect(isListenAddress(address)).toBe(parts?.port !== undefined);
      }),
      RUNS,
    );
  });
});

describe('a slug', () => {
  it('that is made of any name is one', () => {
    fc.assert(
      fc.property(text.filter(isName), (name) => {
        const slug = slugFromName(name);
        if (slug !== undefined) expect(isSlug(slug)).toBe(true);
      }),
      RUNS,
    );
  });
});

describe('the path of a file in a bundle', () => {
  it('stays in the top folder, or is refused', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(text, fc.constantFrom('.', '..', '', 'a', 'b')), { minLength: 1, maxLength: 4 }), (parts) => {
        const path = parts.join('/');
        try {
          packBundle('top', [{ path, mode: 0o644, content: '' }], { mtime: new Date(0) }).destroy();
        } catch (error) {
          if (error instanceof DomainError) return;
          throw error;
        }
        expect(path).toMatch(/^[ -[\]-~]+$/);
        expect(new URL(`file:///top/${path.split('/').map(encodeURIComponent).join('/')}`).pathname.startsWith('/top/')).toBe(true);
      }),
      RUNS,
    );
  });
});

describe('a line of the log', () => {
  it('is JSON after its secrets were taken out, if it was before', () => {
    const secret = fc.constantFrom('-----BEGIN PRIVATE KEY-----', '-----END PRIVATE KEY-----', 'eyJhIjoxfQ.e30.c2ln', 'nats://a:b@c', 'collectorpkg-v2:abc', '\\', '"', '\n');
    const line = fc.array(fc.oneof(secret, text), { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 3 }), (msgs) => {
        const logged = JSON.parse(redactText(JSON.stringify({ msgs }))) as { msgs: string[] };
        expect(logged.msgs).toHaveLength(msgs.length);
      }),
      RUNS,
    );
  });
});
