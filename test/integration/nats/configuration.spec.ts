import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderConf } from '#libs/nats';
import fc from 'fast-check';
import { freePort, NATS_VERSIONS, NatsServer } from './nats-server.js';

const HOSTILE = [
  'a"b',
  'a\\',
  '\\"',
  '\\x41\\n',
  '$home',
  '$(touch x)',
  '`id`',
  "'; rm",
  '%n',
  '#a',
  '//a',
  '{a: b}',
  '[a]',
  'a;b',
  'a,b',
  'include ./x',
  'true',
  '5',
  '10s',
  '2a$11$x',
  '( a )',
  'é ü 漢',
  '🛰️'.repeat(100),
  'x\u2028\u2029\ufeffx',
];

/** Of the random texts: with it, they are found again. */
const SEED = Date.now() % 2 ** 31;

describe.each(NATS_VERSIONS)('a text in a configuration of nats-server $name', (version) => {
  let dir: string;
  let server: NatsServer | undefined;

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'serviceradar-conf-'));
  });

  afterEach(() => server?.stop());

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  async function read(serverName: string, tags: readonly string[]): Promise<{ server_name: string; tags: string[] }> {
    const port = await freePort();
    const configuration = renderConf({
      server_name: serverName,
      server_tags: tags,
      listen: `127.0.0.1:${await freePort()}`,
      http: `127.0.0.1:${port}`,
    });
    server = await NatsServer.start(version, dir, 'server', configuration, port);
    return server.monitor('/varz');
  }

  it('is read back as it is', async () => {
    const { server_name, tags } = await read('$HOME\\"{}🛰️', HOSTILE);
    expect(server_name).toBe('$HOME\\"{}🛰️');
    expect(tags).toEqual(HOSTILE);
  });

  it(`is read back as it is, whatever it holds (seed ${SEED})`, async () => {
    const unit = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...'"\\$\'#/{}[]();:=,% xn0') },
      { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }) },
    );
    const tag = fc
      .string({ unit, minLength: 1, maxLength: 40 })
      // The server trims tags and lowers their case; it has no other place for so many texts.
      .filter((text) => text.trim() === text && text.toLowerCase() === text && !/[\p{Cc}\p{Lu}\p{Lt}]/u.test(text));
    const tags = fc.sample(fc.uniqueArray(tag, { minLength: 500, maxLength: 500 }), { seed: SEED, numRuns: 1 })[0]!;
    expect((await read('properties', tags)).tags).toEqual(tags);
  });
});
