import type { CheckConfig } from '../gateway/wire.js';

/** What a check has found. */
export interface Finding {
  available: boolean;
  /** Becomes the JSON of the status. `error` says why it is not available. */
  details: { error?: string | null; [name: string]: unknown };
  /** What is told at once when it changes, beside `available`. */
  salient?: readonly unknown[];
}

/** What a checker is given beside the check. */
export interface CheckSurroundings {
  /** Ends the check when its time is over, or the agent ends. */
  signal: AbortSignal;
  /** This machine's clock, in milliseconds since 1970. */
  now: () => number;
}

/** Looks after one thing once. What it throws counts as "not available", with the sentence of the error. */
export type Checker = (check: CheckConfig, surroundings: CheckSurroundings) => Promise<Finding>;
