import { GatewayClock } from './clock.js';

/** A call that is asked at one time of this machine's clock, and answered at another. Milliseconds. */
const heard = (serverTime: number, { asked, answered }: { asked: number; answered: number }) => {
  const clock = new GatewayClock({ now: () => answered, elapsed: () => 0 });
  clock.heard(serverTime, asked);
  return clock;
};

describe('the clock of a gateway', () => {
  it('is this machine’s until it was heard', () => {
    const clock = new GatewayClock({ now: () => 5_000, elapsed: () => 0 });
    expect([clock.offset, clock.now()]).toEqual([undefined, 5_000]);
  });

  it.each([
    ['at once, at the end of a second', 1_000, { asked: 1_000_999, answered: 1_000_999 }],
    ['as soon as it was asked, over a slow link', 1_000, { asked: 1_000_999, answered: 1_006_999 }],
    ['while this machine’s is put back by an hour', 2_200, { asked: 5_800_000, answered: 2_200_000 }],
    ['after it has waited', 1_006, { asked: 1_000_000, answered: 1_006_000 }],
  ])('that is the same is no other when it answers %s', (_when, serverTime, call) => {
    expect(heard(serverTime, call).offset).toBe(0);
  });

  it.each([
    ['ahead', 4_600, 3_599_000],
    ['behind', 400, -601_000],
  ])('that is %s is told from this machine’s, in the middle of the call', (_where, serverTime, offset) => {
    const clock = heard(serverTime, { asked: 1_000_000, answered: 1_002_000 });
    expect([clock.offset, clock.now()]).toEqual([offset, 1_002_000 + offset]);
  });
});
