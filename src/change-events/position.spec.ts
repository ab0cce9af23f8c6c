import fc from 'fast-check';
import { beginningOf, formatPosition, isAfter, laterOf, parsePosition, type Position } from './position.js';

const position: fc.Arbitrary<Position> = fc.record({ xid: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), seq: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }) });

describe('a position', () => {
  it('is read as it was written', () => {
    fc.assert(fc.property(position, (one) => expect(parsePosition(formatPosition(one))).toEqual(one)));
  });

  it.each(['', '1', '1-', '-1', '-1-1', '1-1-1', '1-1 ', '0x1-1', '1.0-1', '١-1', '18446744073709551616-1', '1-9223372036854775808', `${'9'.repeat(21)}-1`])('is not %j', (text) => {
    expect(parsePosition(text)).toBeUndefined();
  });

  it('is before, after or the same as another, by transaction first', () => {
    fc.assert(fc.property(position, position, (one, other) => {
      const same = one.xid === other.xid && one.seq === other.seq;
      expect([isAfter(one, other), isAfter(other, one), same].filter(Boolean)).toHaveLength(1);
      expect(isAfter(other, laterOf(one, other))).toBe(false);
    }));
    expect(isAfter({ xid: 2n, seq: 1n }, { xid: 1n, seq: 9n })).toBe(true);
  });

  it('at the beginning of a transaction is before all in it, and after all in those before', () => {
    expect([isAfter({ xid: 5n, seq: 1n }, beginningOf(5n)), isAfter(beginningOf(5n), { xid: 4n, seq: 99n })]).toEqual([true, true]);
  });
});
