import fc from 'fast-check';
import type { Change } from './change.js';
import type { Position } from './position.js';
import { RecentChanges } from './recent-changes.js';

const at = (xid: number, seq = 1): Position => ({ xid: BigInt(xid), seq: BigInt(seq) });
const change = (xid: number, tenantId = 'acme') =>
  ({ position: at(xid), tenantId, kind: 'edge_site', change: 'changed', subjectId: 'x', edgeSiteId: 'x', siteLabels: null, at: new Date(0), status: null, health: null }) satisfies Change;
const xids = (changes: Change[] | undefined) => changes?.map(({ position }) => Number(position.xid));

describe('recent changes', () => {
  it('are given to a tenant from a position on, each tenant its own', () => {
    const recent = new RecentChanges(at(1), 10);
    recent.add([change(2), change(3, 'globex'), change(4)], at(5, 0));
    expect([xids(recent.after(at(1), 'acme')), xids(recent.after(at(2), 'acme')), xids(recent.after(at(3), 'acme')), xids(recent.after(at(4), 'acme'))]).toEqual([[2, 4], [4], [4], []]);
    expect([xids(recent.after(at(1), 'globex')), recent.end]).toEqual([[3], at(5, 0)]);
  });

  it('are not given to whoever is further behind than they go back', () => {
    const recent = new RecentChanges(at(1), 2);
    expect(recent.after(at(0), 'acme')).toBeUndefined();
    recent.add([change(2), change(3)], at(3));
    recent.add([change(4)], at(4));
    expect([recent.after(at(1), 'acme'), xids(recent.after(at(2), 'acme'))]).toEqual([undefined, [3, 4]]);
  });

  it('are all that there are, or none, whatever was added and forgotten', () => {
    fc.assert(fc.property(fc.array(fc.nat({ max: 4 })), fc.integer({ min: 1, max: 6 }), fc.nat({ max: 30 }), (sizes, capacity, from) => {
      const recent = new RecentChanges(at(0), capacity);
      let last = 0;
      for (const size of sizes) {
        recent.add(Array.from({ length: size }, (_, index) => change(last + index + 1)), at(last + size));
        last += size;
      }
      const expected = Array.from({ length: Math.max(0, last - from) }, (_, index) => from + index + 1);
      const found = xids(recent.after(at(from), 'acme'));
      expect(found).toEqual(expected.length > capacity ? undefined : expected);
    }));
  });
});
