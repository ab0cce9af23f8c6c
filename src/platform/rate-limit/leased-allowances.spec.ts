import { LeasedAllowances, type Lease, type Limit } from './leased-allowances.js';

const LIMIT: Limit = { calls: 100, window: 60 };

/** What processes share, in memory; a statement of PostgreSQL does the same, as integration/platform/rate-limits shows. */
class Shared {
  time = 0;
  isAway = false;
  asked = 0;
  failures = 0;
  readonly #windows = new Map<string, { used: number; endsAt: number }>();

  take = async (name: string, asked: number, { calls, window }: Limit): Promise<Lease> => {
    this.asked++;
    await Promise.resolve();
    if (this.isAway) throw new Error('away');
    const before = this.#windows.get(name);
    const now = before !== undefined && this.time < before.endsAt ? before : { used: 0, endsAt: this.time + window * 1000 };
    const granted = Math.max(0, Math.min(asked, calls - now.used));
    now.used += asked;
    this.#windows.set(name, now);
    return { granted, left: Math.max(0, calls - now.used), endsIn: (now.endsAt - this.time) / 1000 };
  };

  process = () => new LeasedAllowances(this.take, () => this.time, () => this.failures++);
}

async function allowed(process: LeasedAllowances, calls: number, name = 'a', limit = LIMIT): Promise<number> {
  const verdicts = await Promise.all(Array.from({ length: calls }, () => process.spend(name, limit)));
  return verdicts.filter(({ isAllowed }) => isAllowed).length;
}

describe('an allowance', () => {
  it('lets through as many as the limit says, and then nobody until the window ends', async () => {
    const shared = new Shared();
    const process = shared.process();
    expect(await allowed(process, 130)).toBe(100);
    shared.time += 59_999;
    expect(await allowed(process, 1)).toBe(0);
    shared.time += 1;
    expect(await allowed(process, 130)).toBe(100);
  });

  it('asks once for many calls that come one after the other, and not at all when nothing is left', async () => {
    const shared = new Shared();
    const process = shared.process();
    for (let call = 0; call < 100; call++) await process.spend('a', LIMIT);
    expect(shared.asked).toBe(20);
    for (let call = 0; call < 100; call++) await process.spend('a', LIMIT);
    expect(shared.asked).toBe(20);
  });

  it('asks once for all that come together', async () => {
    const shared = new Shared();
    expect([await allowed(shared.process(), 80), shared.asked]).toEqual([80, 1]);
  });

  it.each([1, 2, 7, 100])('of %i calls is never exceeded by several processes together, and is used up when all have asked', async (calls) => {
    const shared = new Shared();
    const processes = [shared.process(), shared.process(), shared.process()];
    const limit = { calls, window: 60 };
    let sum = 0;
    for (let round = 0; round < calls + 1; round++) for (const process of processes) sum += await allowed(process, 1, 'a', limit);
    expect(sum).toBe(calls);
  });

  it('is one for each name', async () => {
    const process = new Shared().process();
    expect([await allowed(process, 120, 'a'), await allowed(process, 120, 'b')]).toEqual([100, 100]);
  });

  it('says what is left, and for how long', async () => {
    const shared = new Shared();
    const process = shared.process();
    expect(await process.spend('a', LIMIT)).toEqual({ isAllowed: true, left: 99, endsIn: 60 });
    shared.time += 20_500;
    expect(await process.spend('a', LIMIT)).toEqual({ isAllowed: true, left: 98, endsIn: 40 });
    await allowed(process, 98);
    expect(await process.spend('a', LIMIT)).toEqual({ isAllowed: false, left: 0, endsIn: 40 });
  });

  it('is known to be spent only when it is', async () => {
    const shared = new Shared();
    const process = shared.process();
    expect(process.spent('a')).toBeUndefined();
    await allowed(process, 99);
    expect(process.spent('a')).toBeUndefined();
    await allowed(process, 2);
    expect(process.spent('a')).toMatchObject({ isAllowed: false, left: 0 });
    shared.time += 60_000;
    expect(process.spent('a')).toBeUndefined();
  });

  describe('that nobody can be asked for', () => {
    it('is this process’s own: nobody is refused because of that, and the limit holds', async () => {
      const shared = new Shared();
      shared.isAway = true;
      const process = shared.process();
      expect(await allowed(process, 130)).toBe(100);
      expect(await allowed(process, 130, 'b')).toBe(100);
      expect([shared.asked, shared.failures]).toEqual([1, 1]);
    });

    it('is shared again from the next window on', async () => {
      const shared = new Shared();
      shared.isAway = true;
      const [one, other] = [shared.process(), shared.process()];
      expect((await allowed(one, 130)) + (await allowed(other, 130))).toBe(200);
      shared.isAway = false;
      shared.time += 60_000;
      expect((await allowed(one, 130)) + (await allowed(other, 130))).toBe(100);
    });
  });

  it('is remembered for the last 50,000 names, and what was forgotten is asked for again', async () => {
    const shared = new Shared();
    const process = shared.process();
    const limit = { calls: 1, window: 60 };
    expect(await allowed(process, 1, 'first', limit)).toBe(1);
    for (let name = 0; name < 50_000; name++) await process.spend(String(name), limit);
    expect(process.spent('first')).toBeUndefined();
    expect(await allowed(process, 1, 'first', limit)).toBe(0);
  });
});
