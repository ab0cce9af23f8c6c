import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { afterRunning } from './running-time.js';

/** Stands still, as a process does whose machine is busy. */
function standStill(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('a time in which the process runs', () => {
  it('is not over because the process stood still for longer', async () => {
    const order: string[] = [];
    const over = new Promise<void>((resolve) => {
      afterRunning(200, () => {
        order.push('running time');
        resolve();
      });
    });
    const late = delay(200).then(() => order.push('time'));
    standStill(300);
    // This process has nothing else to hold it.
    await Promise.all([over, late, delay(1_000)]);
    expect(order).toEqual(['time', 'running time']);
  });

  it('is not over when it was called off', async () => {
    let isOver = false;
    const callOff = afterRunning(20, () => (isOver = true));
    callOff();
    await new Promise<void>((resolve) => afterRunning(40, resolve) && setTimeout(() => undefined, 1_000));
    expect(isOver).toBe(false);
  });
});
