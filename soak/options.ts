import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export const USAGE = `usage: npm run soak -- [--minutes n] [--rounds n] [--seed n]
  --minutes  how long no round is too late to begin (10)
  --rounds   how many rounds at most (no limit)
  --seed     a whole number; the same gives the same faults in the same order (one is drawn, and printed)
`;

export interface SoakOptions {
  minutes: number;
  rounds: number;
  seed: number;
}

/** @throws TypeError for an option that is none, or that is no number */
export function readOptions(args: string[]): SoakOptions {
  const string = { type: 'string' } as const;
  const { values } = parseArgs({ args, options: { minutes: string, rounds: string, seed: string } });
  const number = (name: keyof typeof values, otherwise: number) => {
    const value = values[name] === undefined ? otherwise : Number(values[name]);
    if (!(value >= 0) || values[name]?.trim() === '') throw new TypeError(`--${name} is to be a number, not "${values[name]}".`);
    return value;
  };
  return { minutes: number('minutes', 10), rounds: number('rounds', Infinity), seed: Math.trunc(number('seed', randomInt(2 ** 31))) };
}
