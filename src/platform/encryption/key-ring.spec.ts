import { inspect } from 'node:util';
import { Secret, systemRandom } from '#libs/kernel';
import { KeyRing } from './key-ring.js';

const key = (id: string) => ({ id, key: new Secret(systemRandom(32)) });
const place = { table: 'nats_users', column: 'seed', rowId: '0190' };

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
    expect(ring.seal(new Secret('s'), place)).toMatch(/^v1:2026:/);
  });

  it('never makes the same ciphertext twice', () => {
    expect(ring.seal(new Secret('s'), place)).not.toBe(ring.seal(new Secret('s'), place));
  });

  it.each([
    ['another row', { ...place, rowId: '0191' }],
    ['another column', { ...place, column: 'jwt' }],
    ['another table', { ...place, table: 'tenants' }],
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
    expect(() => ring.open('v1:2026:', place)).toThrow('cannot be read');
  });
});
