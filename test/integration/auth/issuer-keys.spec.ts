import { createServer, type Server, type ServerResponse } from 'node:http';
import { Logger } from '@nestjs/common';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { freePort } from '../../../lab/free-port.js';
import { IssuerKeys } from '../../../src/platform/auth/oidc/issuer-keys.js';

const MINUTE = 60_000;

/** What the server answers with, by path; what is not here is 404. */
type Site = Record<string, unknown>;

let server: Server;
let url: string;
let site: Site;
let asked: string[];
beforeAll(async () => {
  Logger.overrideLogger(false);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  server = createServer(({ url: path = '' }, response) => answer(path, response));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
});
afterAll(async () => {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
});

function answer(path: string, response: ServerResponse): void {
  asked.push(path);
  const body = site[path];
  if (body === undefined) response.writeHead(404).end();
  else if (typeof body === 'function') (body as (response: ServerResponse) => void)(response);
  else response.writeHead(200, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body));
}

const CONFIGURATION = '/.well-known/openid-configuration';
const away = { code: 'unavailable', retryable: true, context: { retryAfter: 5 } };
const unknown = { code: 'ERR_JWKS_NO_MATCHING_KEY' };

let first: JWK;
let second: JWK;
let now: number;
let keys: IssuerKeys;
const clock = { now: () => new Date(now) };
const find = (kid: string) => keys.find({ alg: 'ES256', kid }, { payload: '', signature: '' });
const isFound = async (kid: string) => expect(await find(kid)).toMatchObject({ type: 'public' });
const later = (milliseconds: number) => (now += milliseconds);

beforeEach(async () => {
  const made = async (kid: string) => ({ ...(await exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey)), kid });
  [first, second] = [await made('first'), await made('second')];
  now = Date.parse('2026-11-26T12:00:00Z');
  asked = [];
  site = { [CONFIGURATION]: { issuer: url, jwks_uri: `${url}/keys` }, '/keys': { keys: [first] } };
  keys = new IssuerKeys(url, clock);
});

describe('the keys of an issuer', () => {
  it('are asked for when the first token comes, once for all who come together, and then kept', async () => {
    expect(asked).toEqual([]);
    await Promise.all(Array.from({ length: 20 }, () => isFound('first')));
    later(9 * MINUTE);
    await isFound('first');
    expect(asked).toEqual([CONFIGURATION, '/keys']);
  });

  it('are asked for again after ten minutes, and one that was taken back does not work any more', async () => {
    await isFound('first');
    site['/keys'] = { keys: [second] };
    later(10 * MINUTE);
    await expect(find('first')).rejects.toMatchObject(unknown);
    await isFound('second');
  });

  it('are asked for again when a token names another one', async () => {
    await isFound('first');
    site['/keys'] = { keys: [first, second] };
    later(5000);
    await isFound('second');
    await isFound('first');
    expect(asked).toHaveLength(4);
  });

  it('are not asked for over and over by whoever makes up names', async () => {
    await isFound('first');
    for (let at = 0; at < 50; at += 1) {
      later(100);
      await expect(find(`made-up-${at}`)).rejects.toMatchObject(unknown);
    }
    // 50 in 5 s: the last one comes when the time is over.
    expect(asked).toHaveLength(4);
  });

  it('are where the issuer says now, wherever they were', async () => {
    await isFound('first');
    site = { [CONFIGURATION]: { issuer: url, jwks_uri: `${url}/moved` }, '/moved': { keys: [second] } };
    later(5000);
    await isFound('second');
  });

  it('are asked for when the clock is put back, and work no longer for that', async () => {
    await isFound('first');
    later(-60 * MINUTE);
    site['/keys'] = { keys: [second] };
    await isFound('second');
  });
});

describe('an issuer that is away', () => {
  it('has its keys go on for a day', async () => {
    await isFound('first');
    site = {};
    for (let hour = 0; hour < 23; hour += 1) {
      later(60 * MINUTE);
      await isFound('first');
    }
    later(60 * MINUTE);
    await expect(find('first')).rejects.toMatchObject(away);
  });

  it('leaves open whether a key is its own that is not known', async () => {
    await isFound('first');
    site = {};
    later(5000);
    await expect(find('second')).rejects.toMatchObject(away);
    await isFound('first');
  });

  it('is asked every five seconds while somebody waits, and believed when it is back', async () => {
    const whole = site;
    site = {};
    for (let at = 0; at < 10; at += 1) await expect(find('first')).rejects.toMatchObject(away);
    expect(asked).toEqual([CONFIGURATION]);
    site = whole;
    later(4999);
    await expect(find('first')).rejects.toMatchObject(away);
    later(1);
    await isFound('first');
  });

  const redirect = (response: ServerResponse) => void response.writeHead(302, { location: `${url}/elsewhere` }).end();
  it.each<[string, () => Site]>([
    ['does not have a configuration', () => ({ [CONFIGURATION]: undefined })],
    ['has one that is no JSON', () => ({ [CONFIGURATION]: '<html>' })],
    ['has one that is nothing', () => ({ [CONFIGURATION]: 'null' })],
    ['sends elsewhere', () => ({ [CONFIGURATION]: redirect, '/elsewhere': { issuer: url, jwks_uri: `${url}/keys` } })],
    ['says that it is another', () => ({ [CONFIGURATION]: { issuer: 'https://evil.example', jwks_uri: `${url}/keys` } })],
    ['says that it is the same with a slash', () => ({ [CONFIGURATION]: { issuer: `${url}/`, jwks_uri: `${url}/keys` } })],
    ['names no keys', () => ({ [CONFIGURATION]: { issuer: url } })],
    ['names keys that anybody may change on the way', () => ({ [CONFIGURATION]: { issuer: url, jwks_uri: 'http://login.example/keys' } })],
    ['names a file', () => ({ [CONFIGURATION]: { issuer: url, jwks_uri: 'file:///etc/passwd' } })],
    ['has keys that are not there', () => ({ '/keys': undefined })],
    ['has keys that are none', () => ({ '/keys': { keys: 'all' } })],
    ['has keys without end', () => ({ '/keys': JSON.stringify({ keys: [], more: 'x'.repeat(600_000) }) })],
    ['breaks off', () => ({ '/keys': (response: ServerResponse) => void response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy()) })],
  ])('is one that %s', async (_how, broken) => {
    site = { ...site, ...broken() };
    await expect(find('first')).rejects.toMatchObject(away);
  });

  it('is one that does not answer in time', async () => {
    site['/keys'] = () => {};
    await expect(find('first')).rejects.toMatchObject({ ...away, cause: { name: 'TimeoutError' } });
    server.closeAllConnections();
  });
});

describe('a key for something else', () => {
  it.each([
    ['encrypts', () => ({ keys: [{ ...first, use: 'enc' }] })],
    ['is a secret', () => ({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'first', alg: 'HS256' }] })],
    ['is of another algorithm', () => ({ keys: [{ ...first, alg: 'ES384' }] })],
  ])('is none: one that %s', async (_what, body) => {
    site['/keys'] = body();
    await expect(find('first')).rejects.toMatchObject(unknown);
  });
});
