import { setImmediate as turn } from 'node:timers/promises';
import { Turns } from './several.js';

describe('pieces of work that take turns', () => {
  it('run so many at a time, in the order in which they came', async () => {
    const turns = new Turns(2);
    const started: number[] = [];
    const ends: (() => void)[] = [];
    const work = (name: number) =>
      turns.take(() => {
        started.push(name);
        return new Promise<number>((resolve) => ends.push(() => resolve(name)));
      });
    const all = [1, 2, 3, 4].map(work);
    await turn();
    expect(started).toEqual([1, 2]);
    ends[1]!();
    await turn();
    expect(started).toEqual([1, 2, 3]);
    ends[0]!();
    await turn();
    expect(started).toEqual([1, 2, 3, 4]);
    ends[2]!();
    ends[3]!();
    expect(await Promise.all(all)).toEqual([1, 2, 3, 4]);
  });

  it('make room when they fail', async () => {
    const turns = new Turns(1);
    await expect(turns.take(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await turns.take(() => Promise.resolve('yes'))).toBe('yes');
  });
});
