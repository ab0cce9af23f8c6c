import { randomBytes } from 'node:crypto';

/** Where randomness comes from: returns `size` bytes that nobody can predict. Passed in, so that a test can repeat a run. */
export type Random = (size: number) => Buffer;

export const systemRandom: Random = (size) => randomBytes(size);
