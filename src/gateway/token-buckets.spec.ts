import { TokenBuckets } from './token-buckets.js';

const taken = (buckets: TokenBuckets, name: string, times: number) => Array.from({ length: times }, () => buckets.take(name)).filter((wait) => wait === 0).length;

describe('a limit of 60 a minute', () => {
  let now = 0;
  const made = (capacity?: number) => new TokenBuckets(60, () => now, capacity);
  beforeEach(() => (now = 0));

  it('lets through 60 at once, then one a second, and says how long to wait', () => {
    const buckets = made();
    expect(taken(buckets, 'a', 70)).toBe(60);
    expect(buckets.take('a')).toBe(1_000);
    now = 400;
    expect(buckets.take('a')).toBe(600);
    now = 3_000;
    expect(taken(buckets, 'a', 10)).toBe(3);
  });

  it('leaves some for others, where it is asked to', () => {
    const buckets = made();
    const sparing = () => Array.from({ length: 70 }, () => buckets.take('a', 0.25)).filter((wait) => wait === 0).length;
    expect(sparing()).toBe(45);
    expect(buckets.take('a', 0.25)).toBe(1_000);
    expect(taken(buckets, 'a', 70)).toBe(15);
  });

  it('is one for each, and never more than a minute’s worth', () => {
    const buckets = made();
    expect([taken(buckets, 'a', 70), taken(buckets, 'b', 70)]).toEqual([60, 60]);
    now = 3_600_000;
    expect(taken(buckets, 'a', 70)).toBe(60);
  });

  it('forgets who has not come for longest', () => {
    const buckets = made(1);
    taken(buckets, 'a', 60);
    taken(buckets, 'b', 1);
    expect(taken(buckets, 'a', 70)).toBe(60);
  });
});

it('a limit of 0 is none', () => {
  expect(taken(new TokenBuckets(0, () => 0), 'a', 1_000)).toBe(1_000);
});
