import { backoff } from './backoff.js';

describe('the time until a further attempt', () => {
  it('doubles at most, up to a minute', () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 20, 2_000].map((failures) => backoff(failures, () => 0.999_999_9));
    expect(longest).toEqual([999, 1_999, 3_999, 7_999, 15_999, 31_999, 59_999, 59_999, 59_999]);
  });

  it('may be any part of that', () => {
    expect([0, 0.25, 0.5].map((chance) => backoff(4, () => chance))).toEqual([0, 2_000, 4_000]);
  });
});
