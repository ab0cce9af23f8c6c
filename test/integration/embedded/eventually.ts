import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition: the first answer that is not false or undefined. Fails when it has not come in half a minute. */
export async function eventually<T>(what: string, condition: () => T | Promise<T>): Promise<Exclude<T, false | undefined>> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await condition();
    if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
    if (Date.now() > deadline) throw new Error(`Waited in vain until ${what}`);
    await sleep(20);
  }
}
