import type { Random } from '../clock.js';

/** Milliseconds. */
export interface BackoffTerms {
  first: number;
  longest: number;
}

export const DEFAULT_BACKOFF: BackoffTerms = { first: 1_000, longest: 60_000 };

/**
 * How many milliseconds to wait before a further attempt: anything up to twice as long as before, at random, so that agents that lost their
 * gateway together do not come back together ("full jitter": AWS Architecture Blog, "Exponential backoff and jitter").
 * @param failures attempts that have failed in a row, from 1
 */
export function backoff(failures: number, random: Random, { first, longest }: BackoffTerms = DEFAULT_BACKOFF): number {
  return Math.floor(random() * Math.min(longest, first * 2 ** (failures - 1)));
}
