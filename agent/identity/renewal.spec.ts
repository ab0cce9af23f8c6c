import { isDue } from './renewal.js';

describe('a certificate', () => {
  const [from, to] = [1_000_000, 1_900_000];

  it.each([
    [from, false],
    [from + 530_000, false],
    [from + 540_000, true],
    [to - 1, true],
    [to + 1, true],
  ])('of 900,000 is renewed before two thirds of its life, at %s: %s', (now, due) => expect(isDue({ from, to }, now)).toBe(due));
});
