import { resolve } from 'node:path';

/**
 * What makes a process of Node.js live at another time, by libfaketime: timers run as ever.
 * @param days that it is ahead
 */
export const otherTime = (days: number): NodeJS.ProcessEnv => ({
  LD_PRELOAD: resolve('.cache/bin/libfaketime.so'),
  FAKETIME: `${days < 0 ? '' : '+'}${days}d`,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
});
