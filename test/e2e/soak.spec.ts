import { resolve } from 'node:path';
import { run } from '../../lab/child.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import { readOptions } from '../../soak/options.js';
import { numbersOf } from '../../soak/order.js';

describe('the soak', () => {
  it('draws a seed unless it is given one, and runs for ten minutes', () => {
    expect(readOptions([])).toMatchObject({ minutes: 10, rounds: Infinity });
    expect(readOptions(['--minutes', '0.5', '--rounds', '3', '--seed', '7'])).toEqual({ minutes: 0.5, rounds: 3, seed: 7 });
  });

  it.each([['--minutes', 'ten'], ['--seed', ''], ['--rounds', 'NaN'], ['--hours', '1']])('refuses %s %s', (option, value) => {
    expect(() => readOptions([option, value])).toThrow(option);
  });

  it('has the same faults in the same order for the same seed', () => {
    const drawn = (seed: number) => Array.from({ length: 8 }, numbersOf(seed));
    expect(drawn(7)).toEqual(drawn(7));
    expect(drawn(7)).not.toEqual(drawn(8));
    for (const number of drawn(7)) expect(number >= 0 && number < 1).toBe(true);
  });

  it('prints its seed and a line for each round, and leaves nothing behind', async () => {
    const { code, output } = await run(process.execPath, [resolve('dist/soak/main.js'), '--rounds', '1', '--seed', '7'], { env: { NATS_SERVER: NATS_SERVERS.latest } });
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/^Seed 7\n +1 {2}their connections are cut, and for a second refused +[\d.]+ s {2}\d+ messages, each once\n$/) as string,
    });
  });
});
