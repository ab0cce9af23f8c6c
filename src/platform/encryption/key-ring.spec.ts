import { inspect } from 'node:util';
import { Secret, systemRandom } from '#libs/kernel';
import { KeyRing } from './key-ring.js';

const key = (id: string) => ({ id, key: new Secret(systemRandom(32)) });
const place = { table: 'nats_users', column: 'seed', rowId: '0190', tenantId: 'acme' };

describe('a key ring', () => {
  const old = key('2025');
  const current = key('2026');
  const ring = new KeyRing([current, old], systemRandom);

  it('opens what it sealed, and only shows it when told to', () => {
    const opened = ring.open(ring.seal(new Secret('pässword 🔑'), place), place);
    expect(opened.reveal()).toBe('pässword 🔑');
    expect(inspect(opened) + JSON.stringify({ opened }) + `${opened}`).not.toContain('pässword');
  });

  it('writes with the first key and reads with all', () => {
    const before = new KeyRing([old], systemRandom).seal(new Secret('s'), place);
    expect(ring.open(before, place).reveal()).toBe('s');
    expect(ring.seal(new Secret('s'), place)).toMatch(/^v2:2026:/);
  });

  it('never makes the same ciphertext twice', () => {
    expect(ring.seal(new Secret('s'), place)).not.toBe(ring.seal(new Secret('s'), place));
  });

  it.each([
    ['another row', { ...place, rowId: '0191' }],
    ['another column', { ...place, column: 'jwt' }],
    ['another table', { ...place, table: 'tenants' }],
    ['another tenant', { ...place, tenantId: 'globex' }],
    ['the platform', { ...place, tenantId: null }],
  ])('does not open a ciphertext that was moved to %s', (_where, elsewhere) => {
    const sealed = ring.seal(new Secret('s'), place);
    expect(() => ring.open(sealed, elsewhere)).toThrow('A stored secret cannot be read');
  });

  it('does not open a ciphertext of which any byte was changed', () => {
    const [version, id, body] = ring.seal(new Secret('secret'), place).split(':');
    const bytes = Buffer.from(body!, 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => ring.open([version, id, changed.toString('base64')].join(':'), place)).toThrow('cannot be read');
    }
  });

  it('does not open with a key that is not in it, nor what is no ciphertext', () => {
    const sealed = new KeyRing([key('2024')], systemRandom).seal(new Secret('s'), place);
    expect(() => ring.open(sealed, place)).toThrow('cannot be read');
    expect(() => ring.open('', place)).toThrow('cannot be read');
    expect(() => ring.open('v2:2026:', place)).toThrow('cannot be read');
  });
});

describe('a sealed stream', () => {
  const current = key('2026');
  const ring = new KeyRing([current, key('2025')], systemRandom);
  const PIECE = 64 * 1024;
  const HEADER = 'v2:2026:'.length;
  const SEALED_PIECE = PIECE + 12 + 16;

  async function* inChunks(bytes: Buffer, size: number) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const seal = (bytes: Buffer, size = 1000) => ring.sealStream(inChunks(bytes, size), place);
  const open = (sealed: Buffer, where = place) => Buffer.concat([...ring.openStream(sealed, where)]);

  it.each([0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 5])('of %i bytes opens to the same, and says how many there are', async (size) => {
    const bytes = systemRandom(size);
    for (const chunk of [999, PIECE, 4 * PIECE]) {
      const sealed = await seal(bytes, chunk);
      expect(ring.openStream(sealed, place).length).toBe(size);
      expect(open(sealed).equals(bytes)).toBe(true);
    }
  });

  it('opens a piece at a time', async () => {
    const bytes = systemRandom(2 * PIECE + 7);
    expect([...ring.openStream(await seal(bytes), place)].map(({ length }) => length)).toEqual([PIECE, PIECE, 7]);
  });

  it('does not open when it was moved, or sealed with a key that is not in the ring', async () => {
    const sealed = await seal(Buffer.from('archive'));
    expect(() => open(sealed, { ...place, rowId: '0191' })).toThrow('cannot be read');
    expect(() => open(sealed, { ...place, tenantId: 'globex' })).toThrow('cannot be read');
    expect(() => [...new KeyRing([key('2024')], systemRandom).openStream(sealed, place)]).toThrow('cannot be read');
  });

  it('does not open when any byte was changed', async () => {
    const sealed = await seal(Buffer.from('archive'));
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      expect(() => open(changed)).toThrow('cannot be read');
    }
  });

  it('does not open to its end when pieces were left out, put elsewhere or cut off', async () => {
    const sealed = await seal(systemRandom(3 * PIECE));
    const pieces = [0, 1, 2].map((at) => sealed.subarray(HEADER + at * SEALED_PIECE, HEADER + (at + 1) * SEALED_PIECE));
    const header = sealed.subarray(0, HEADER);
    const [first, second, third] = pieces as [Buffer, Buffer, Buffer];
    for (const tampered of [[first, third], [second, first, third], [first, second], [first], [], [first, second, third.subarray(0, -1)]]) {
      expect(() => open(Buffer.concat([header, ...tampered]))).toThrow('cannot be read');
    }
    expect(() => open(Buffer.alloc(0))).toThrow('cannot be read');
  });

  it('is not taken for a sealed text, nor the other way round', async () => {
    const text = ring.seal(new Secret('s'), place);
    const bytes = Buffer.from(text.split(':')[2]!, 'base64');
    expect(() => open(Buffer.concat([Buffer.from('v2:2026:'), bytes]))).toThrow('cannot be read');
    const stream = await seal(Buffer.from('s'));
    expect(() => ring.open(`v2:2026:${stream.subarray(HEADER).toString('base64')}`, place)).toThrow('cannot be read');
  });
});

describe('what was sealed before the tenant belonged to its place', () => {
  // Of the code before format 2, with this key.
  const TEXT = 'v1:2025:AQEBAQEBAQEBAQEBQ+gcFXZp77SJsGmwnNah0AWE6Nv128xnv/S6TgJaEUWIyg==';
  const STREAM = Buffer.concat([Buffer.from('v1:2025:'), Buffer.from('AQEBAQEBAQEBAQEBGx7k0E+uLLs+cTuHxZXuhxePqdbi3IRnp7H8SB4XFl7alnWAOKY=', 'base64')]);
  const old = { id: '2025', key: new Secret(Buffer.alloc(32, 7)) };
  const ring = new KeyRing([key('2026'), old], systemRandom);
  const elsewhere = { ...place, rowId: '0191' };

  it('opens in its row, whoever has that now', () => {
    for (const tenantId of ['acme', 'globex', null]) {
      expect(ring.open(TEXT, { ...place, tenantId }).reveal()).toBe('sealed in format 1');
      expect(Buffer.concat([...ring.openStream(STREAM, { ...place, tenantId })]).toString()).toBe('an archive in format 1');
    }
  });

  it('opens in no other row, and nowhere once its key is gone', () => {
    const without = new KeyRing([key('2026')], systemRandom);
    for (const [keys, where] of [[ring, elsewhere], [without, place]] as const) {
      expect(() => keys.open(TEXT, where)).toThrow('cannot be read');
      expect(() => [...keys.openStream(STREAM, where)]).toThrow('cannot be read');
    }
  });

  it('cannot be given out for newer, nor what is newer for older', () => {
    expect(() => ring.open(TEXT.replace('v1', 'v2'), place)).toThrow('cannot be read');
    const moved = ring.seal(new Secret('s'), place).replace('v2', 'v1');
    for (const tenantId of ['acme', 'globex', null]) expect(() => ring.open(moved, { ...place, tenantId })).toThrow('cannot be read');
  });
});
