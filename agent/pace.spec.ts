import { Pace } from './pace.js';

describe('something that is done every so often', () => {
  let now = 0;
  const clock = { now: () => now, elapsed: () => now };
  const never = new AbortController().signal;
  const turns = async () => {
    for (let n = 0; n < 20; n++) await new Promise(setImmediate);
  };

  it('is due when the interval has passed, also when it became shorter meanwhile', async () => {
    let interval = 1_000_000;
    const pace = new Pace(clock, () => interval);
    let isDue = false;
    void pace.next(never).then(() => (isDue = true));
    await turns();
    pace.changed();
    await turns();
    expect(isDue).toBe(false);
    interval = 10;
    now += 10;
    pace.changed();
    await turns();
    expect(isDue).toBe(true);
  });

  it('is due once when somebody asks for it, however often', async () => {
    const pace = new Pace(clock, () => 1_000_000);
    pace.ask();
    pace.ask();
    await pace.next(never);
    let again = false;
    void pace.next(never).then(() => (again = true));
    await turns();
    expect(again).toBe(false);
    pace.ask();
    await turns();
  });

  it('ends with the signal', async () => {
    const ending = new AbortController();
    const next = new Pace(clock, () => 1_000_000).next(ending.signal);
    ending.abort();
    await next;
  });
});
