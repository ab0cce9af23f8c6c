import fc from 'fast-check';
import { fingerprintOf } from './fingerprint.js';

const of = (body: unknown, url = '/api/things', method = 'POST') => fingerprintOf({ method, url, body });

/** The same value, with the members of each object the other way round. */
function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  return Object.fromEntries(Object.entries(value).reverse().map(([name, member]) => [name, reversed(member)]));
}

describe('the fingerprint of a request', () => {
  it('is the same whatever the order of members', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => expect(of(reversed(value))).toBe(of(value))));
  });

  it.each([
    ['the order of an array', [1, 2], [2, 1]],
    ['a text and a number', { a: '1' }, { a: 1 }],
    ['a member that is null and none', { a: null }, {}],
    ['an array of pairs and an object', [['a', 1]], { a: 1 }],
    ['what an object looks like in it, and an object', { '': [['a', 1]] }, { a: 1 }],
    ['a name that looks like a number', { 2: 'a', 10: 'b' }, { 2: 'b', 10: 'a' }],
    ['no body and an empty one', undefined, {}],
  ])('tells %s apart', (_what, one, other) => {
    expect(of(one)).not.toBe(of(other));
  });

  it('tells methods, paths and queries apart', () => {
    expect(new Set([of({}), of({}, '/api/others'), of({}, '/api/things?a=1'), of({}, '/api/things', 'PUT')]).size).toBe(4);
  });
});
