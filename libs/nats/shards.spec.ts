import fc from 'fast-check';
import { assignShards, SITES_PER_STREAM } from './shards.js';
import { hubStreamName, shardOfStream } from './stream-names.js';

describe('the streams at the hub that new sites are given', () => {
  it('are `events` for the first fifty, and shards for the others', () => {
    const assigned = assignShards([], 120);
    expect([0, 1, 2].map((shard) => assigned.filter((one) => one === shard).length)).toEqual([50, 50, 20]);
    expect(SITES_PER_STREAM).toBe(50);
  });

  it('are the lowest ones that have room, as when sites were deleted', () => {
    expect(assignShards([0, 0, 1, 2, 2], 3, 2)).toEqual([1, 3, 3]);
  });

  it('are none that has more sites than it takes, as one from before there were shards', () => {
    expect(assignShards([0, 0, 0, 0], 2, 2)).toEqual([1, 1]);
  });

  it('have as many sites as they take, and are the same whether sites come together or one by one', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { maxLength: 30 }), fc.nat(30), fc.integer({ min: 1, max: 5 }), (taken, count, size) => {
        const together = assignShards(taken, count, size);
        const oneByOne = Array.from({ length: count }).reduce<number[]>((given) => [...given, ...assignShards([...taken, ...given], 1, size)], []);
        expect(together).toEqual(oneByOne);
        for (const shard of together) expect([...taken, ...together].filter((one) => one === shard).length).toBeLessThanOrEqual(size);
      }),
    );
  });
});

describe('the name of a stream at the hub', () => {
  it.each([
    [0, 'events'],
    [1, 'events-1'],
    [12, 'events-12'],
  ])('of the number %d is %s', (shard, name) => {
    expect(hubStreamName(shard)).toBe(name);
    expect(shardOfStream(name)).toBe(shard);
  });

  it.each(['events-', 'events-0', 'events-01', 'events-x', 'other', 'events-1-2', ''])('is not %j', (name) => {
    expect(shardOfStream(name)).toBeUndefined();
  });
});
