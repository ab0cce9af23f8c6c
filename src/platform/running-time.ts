/** In how many parts a time is counted. */
const PARTS = 10;

/**
 * Calls back after a time in which the process ran. One that stood still for a while, as its machine was busy or asleep, has not read yet what came
 * meanwhile, but its timers are due at once: it would take whoever has answered for silent. Here that while counts as one part of ten.
 *
 * @param time milliseconds
 * @returns what calls it off
 */
export function afterRunning(time: number, over: () => void): () => void {
  let parts = 0;
  const timer = setInterval(() => {
    parts += 1;
    if (parts < PARTS) return;
    clearInterval(timer);
    over();
  }, time / PARTS);
  timer.unref();
  return () => clearInterval(timer);
}
