import { Batches, type Outcome } from './batches.js';

const doubled = (items: readonly number[]): Outcome<number>[] => items.map((item) => ({ result: 2 * item }));

describe('those who wait at the same time', () => {
  it('are served by one run, each with its own outcome', async () => {
    const runs: number[][] = [];
    const batches = new Batches<number, number>(10, async (_group, items) => {
      runs.push([...items]);
      return items.map((item) => (item === 2 ? { error: new Error('two is refused') } : { result: 2 * item }));
    });
    const outcomes = await Promise.allSettled([1, 2, 3].map((item) => batches.add('a', item)));
    expect(runs).toEqual([[1, 2, 3]]);
    expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : (outcome.reason as Error).message))).toEqual([2, 'two is refused', 6]);
  });

  it('share no run with another group', async () => {
    const runs: [string, number[]][] = [];
    const batches = new Batches<number, number>(10, async (group, items) => {
      runs.push([group, [...items]]);
      return doubled(items);
    });
    expect(await Promise.all([batches.add('a', 1), batches.add('b', 2), batches.add('a', 3)])).toEqual([2, 4, 6]);
    expect(runs).toEqual([
      ['a', [1, 3]],
      ['b', [2]],
    ]);
  });

  it('are joined by those who come until a run may begin, unless there are enough for one', async () => {
    const runs: number[][] = [];
    let begin: (() => void) | undefined;
    const run = async (_group: string, items: readonly number[]) => {
      runs.push([...items]);
      return doubled(items);
    };
    const batches = new Batches<number, number>(3, run, undefined, (callback) => (begin = callback));
    const [one, two] = [batches.add('a', 1), batches.add('a', 2)];
    await new Promise(setImmediate);
    expect(runs).toEqual([]);
    const later = [3, 4, 5, 6, 7].map((item) => batches.add('a', item));
    begin!();
    expect(await Promise.all([one, two, later[0]])).toEqual([2, 4, 6]);
    expect(await later[3]).toBe(12);
    expect(runs).toEqual([[1, 2, 3], [4, 5, 6]]);
    await new Promise(setImmediate);
    begin!();
    expect(await later[4]).toBe(14);
  });

  it('are served in runs of the given size', async () => {
    const sizes: number[] = [];
    const batches = new Batches<number, number>(2, async (_group, items) => {
      sizes.push(items.length);
      return doubled(items);
    });
    expect(await Promise.all([1, 2, 3, 4, 5].map((item) => batches.add('a', item)))).toEqual([2, 4, 6, 8, 10]);
    expect(sizes).toEqual([2, 2, 1]);
  });
});

describe('those who wait when a run fails', () => {
  const waitingFor = async (meetsAll: (error: unknown) => boolean) => {
    let runs = 0;
    const fail = async (): Promise<Outcome<number>[]> => {
      runs++;
      throw new Error('away');
    };
    const batches = new Batches<number, number>(2, fail, meetsAll);
    const outcomes = await Promise.allSettled([1, 2, 3, 4, 5].map((item) => batches.add('a', item)));
    return { runs, rejected: outcomes.filter(({ status }) => status === 'rejected').length };
  };

  it('get what it failed with, when all would meet that', async () => {
    expect(await waitingFor((error) => (error as Error).message === 'away')).toEqual({ runs: 1, rejected: 5 });
  });

  it('are served by runs of their own, when it may be about that one', async () => {
    expect(await waitingFor(() => false)).toEqual({ runs: 3, rejected: 5 });
  });
});

describe('whoever comes while a run is under way', () => {
  it('is not given what that run found out', async () => {
    let truth = 'old';
    let reading = (): void => undefined;
    const begun = new Promise<void>((resolve) => (reading = resolve));
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const batches = new Batches<string, string>(10, async (_group, items) => {
      const found = truth;
      reading();
      await held;
      return items.map(() => ({ result: found }));
    });
    const early = batches.add('a', 'early');
    await begun;
    truth = 'new';
    const late = batches.add('a', 'late');
    goOn();
    expect(await Promise.all([early, late])).toEqual(['old', 'new']);
  });
});

describe('a run that fails', () => {
  it('fails for all of it, and for nobody who comes after it', async () => {
    let failing = true;
    const batches = new Batches<number, number>(10, async (_group, items) => {
      if (failing) throw new Error('away');
      return doubled(items);
    });
    const outcomes = await Promise.allSettled([1, 2].map((item) => batches.add('a', item)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    failing = false;
    expect(await batches.add('a', 4)).toBe(8);
  });
});
