import { inspect } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';

interface Patience {
  /** Milliseconds. */
  timeout?: number;
  interval?: number;
}

type Maybe<T> = T | undefined | null | false;

/**
 * Waits until a condition gives something other than undefined, null or false. An error counts as "not yet".
 * @throws Error that says what was waited for and why it last was not so
 */
export async function until<T>(
  what: string,
  condition: () => Maybe<T> | Promise<Maybe<T>>,
  { timeout = 60_000, interval = 25 }: Patience = {},
): Promise<T> {
  const deadline = Date.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`Waited ${timeout} ms in vain: ${what}. Last: ${inspect(last, { depth: 4, breakLength: Infinity })}`);
    await delay(interval);
  }
}
