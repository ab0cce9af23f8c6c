import { type BufferMeasure, fullIn, measureBuffer } from './stream-lag.js';
import { parseStreamInfo, type StreamState } from './stream-state.js';

const START = Date.parse('2026-11-26T10:00:00Z');
const at = (seconds: number) => new Date(START + seconds * 1000);
/** As leaves count: from the clock's microsecond on. */
const FIRST = 1_790_000_000_000_000;

/** A stream that takes in one message of 100 bytes a second, from the beginning on. */
const after = (seconds: number): StreamState => ({
  messages: seconds,
  bytes: seconds * 100,
  firstSequence: FIRST,
  lastSequence: FIRST + seconds - 1,
  firstAt: at(1),
  lastAt: at(seconds),
  createdAt: at(0),
  at: at(seconds),
});
const empty: StreamState = { messages: 0, bytes: 0, firstSequence: FIRST, lastSequence: FIRST - 1, createdAt: at(0), at: at(5) };

describe('what waits at a leaf', () => {
  it('is what the hub’s source has not received', () => {
    expect(measureBuffer(after(1000), 40, undefined)).toMatchObject({ messages: 1000, bytes: 100_000, waitingMessages: 40, waitingBytes: 4000 });
  });

  it('is nothing when the source has received all', () => {
    expect(measureBuffer(after(1000), 0, undefined)).toMatchObject({ waitingMessages: 0, waitingBytes: 0, oldestAgeMs: null, forwardedSequence: FIRST + 999 });
  });

  it('is nothing in an empty stream', () => {
    expect(measureBuffer(empty, undefined, undefined)).toMatchObject({ waitingMessages: 0, waitingBytes: 0, oldestAgeMs: null, messageRate: 0, byteRate: 0 });
  });

  it('is all that came since the source was last heard', () => {
    const before = measureBuffer(after(1000), 40, undefined);
    expect(measureBuffer(after(1500), undefined, before)).toMatchObject({ waitingMessages: 540, forwardedSequence: FIRST + 959 });
  });

  it('may be everything when the source was never heard', () => {
    expect(measureBuffer(after(1000), undefined, undefined)).toMatchObject({ waitingMessages: 1000, forwardedSequence: null, oldestAgeMs: 999_000 });
  });

  it('is not what has aged out before it was forwarded', () => {
    const before = measureBuffer(after(100), 0, undefined);
    const aged = { ...after(1000), messages: 200, firstSequence: FIRST + 800, firstAt: at(801) };
    expect(measureBuffer(aged, undefined, before)).toMatchObject({ waitingMessages: 200, oldestAgeMs: 199_000 });
  });

  it('does not grow again by a source that knows less than was known', () => {
    const before = measureBuffer(after(1000), 0, undefined);
    expect(measureBuffer(after(1000), 300, before).waitingMessages).toBe(0);
  });

  it.each([
    ['was wiped', { createdAt: at(2000), at: at(2000) }],
    ['was rolled back', { lastSequence: FIRST + 499 }],
  ])('says nothing of what was before a leaf %s', (_what, change) => {
    const before = measureBuffer(after(1000), 0, undefined);
    expect(measureBuffer({ ...after(700), ...change }, undefined, before)).toMatchObject({ forwardedSequence: null, waitingMessages: 700 });
  });
});

describe('the age of the oldest message that waits', () => {
  it('is what is between the times that are known', () => {
    expect(measureBuffer(after(1000), 40, undefined).oldestAgeMs).toBe(39_000);
  });

  it('is close to the truth where messages came in bursts, by what was the last one before', () => {
    // 1000 in the first 1000 s, then nothing for an hour, then another 1000.
    const before = measureBuffer({ ...after(1000), at: at(4600) }, 0, undefined);
    const burst = { ...after(2000), lastAt: at(5600), at: at(5600) };
    expect(measureBuffer(burst, undefined, before).oldestAgeMs).toBe(999_000);
    expect(measureBuffer(burst, 1000, undefined).oldestAgeMs).toBeGreaterThan(2_000_000);
  });

  it('is in whole milliseconds', () => {
    const thirds = { ...after(4), lastAt: at(2) };
    expect(measureBuffer(thirds, 2, undefined).oldestAgeMs).toBe(2333);
  });

  it('is never negative, whatever the clock of the leaf does', () => {
    expect(measureBuffer({ ...after(1000), at: at(-7200) }, 40, undefined).oldestAgeMs).toBe(0);
  });
});

describe('the rate', () => {
  it('is that of what is stored, at first', () => {
    const { messageRate, byteRate } = measureBuffer(after(1001), 0, undefined);
    expect(messageRate).toBeCloseTo(1.001);
    expect(byteRate).toBeCloseTo(100.1);
  });

  it('is not that of a moment', () => {
    expect(measureBuffer({ ...after(30), firstAt: at(30) }, 0, undefined).messageRate).toBe(0.5);
  });

  it('is the average of about the last hour', () => {
    let measure = measureBuffer(after(36_000), 0, undefined);
    expect(measure.messageRate).toBeCloseTo(1, 3);
    // Three hours in which nothing comes, seen once a minute.
    for (let minute = 1; minute <= 180; minute++) measure = measureBuffer({ ...after(36_000), at: at(36_000 + minute * 60) }, 0, measure);
    expect(measure.messageRate).toBeLessThan(0.06);
  });

  it('is that of the time in which nobody could look, too', () => {
    const before = measureBuffer(after(10), 0, undefined);
    const later = { ...after(10), messages: 72_010, lastSequence: FIRST + 72_009, lastAt: at(36_010), at: at(36_010) };
    expect(measureBuffer(later, undefined, before).messageRate).toBeCloseTo(2, 1);
  });

  it('stays where the clock was put back', () => {
    const before = measureBuffer(after(1000), 0, undefined);
    expect(measureBuffer({ ...after(1001), at: at(0) }, 0, before).messageRate).toBe(before.messageRate);
  });
});

describe('when the buffer is full', () => {
  const DAY_MS = 86_400_000;
  const measure = (values: Partial<BufferMeasure>) => ({ bytes: 5000, waitingBytes: 1000, oldestAgeMs: 10_000, byteRate: 10, ...values });
  const keep = { maxAgeMs: 7 * DAY_MS, maxBytes: 11_000, discard: 'old' as const };

  it('is when what waits takes all its room, as what was forwarded goes first', () => {
    expect(fullIn(measure({}), keep)).toBe(1000);
  });

  it('is when what is stored does, where new messages are refused', () => {
    expect(fullIn(measure({}), { ...keep, discard: 'new' })).toBe(600);
  });

  it('is never for want of room, where messages that are refused would find some as others grow old', () => {
    expect(fullIn(measure({ oldestAgeMs: null }), { maxAgeMs: 1_000_000, maxBytes: 11_000, discard: 'new' })).toBe(1000);
  });

  it('is when the oldest message that waits is too old, if that comes first', () => {
    expect(fullIn(measure({}), { ...keep, maxAgeMs: 60_000 })).toBe(50);
    expect(fullIn(measure({ oldestAgeMs: null }), { ...keep, maxAgeMs: 60_000 })).toBe(60);
    expect(fullIn(measure({ byteRate: 0 }), { ...keep, maxAgeMs: 60_000 })).toBe(50);
  });

  it('is now when it is', () => {
    expect(fullIn(measure({ waitingBytes: 11_000 }), keep)).toBe(0);
  });

  it('is never when nothing waits and nothing comes', () => {
    expect(fullIn(measure({ byteRate: 0, oldestAgeMs: null, waitingBytes: 0 }), keep)).toBeNull();
  });
});

describe('the state of a stream', () => {
  const answer = {
    config: { name: 'events' },
    created: '2026-11-26T09:00:00.123456789Z',
    ts: '2026-11-26T10:00:00Z',
    state: { messages: 2, bytes: 300, first_seq: 7, first_ts: '2026-11-26T09:30:00Z', last_seq: 8, last_ts: '2026-11-26T09:40:00Z' },
    sources: [
      { name: 'events', external: { api: '$JS.edge.API', deliver: '_sync.oslo' }, lag: 3, active: 1_500_000_000 },
      { name: 'events', external: { api: '$JS.edge-paris.API', deliver: '_sync.paris' }, lag: 0, active: -1 },
    ],
  };
  const parse = (value: unknown) => parseStreamInfo(Buffer.from(JSON.stringify(value)));

  it('is what the server says', () => {
    const { state, sources } = parse(answer);
    expect(state).toEqual({
      messages: 2,
      bytes: 300,
      firstSequence: 7,
      lastSequence: 8,
      firstAt: new Date('2026-11-26T09:30:00Z'),
      lastAt: new Date('2026-11-26T09:40:00Z'),
      createdAt: new Date('2026-11-26T09:00:00.123Z'),
      at: new Date('2026-11-26T10:00:00Z'),
    });
    expect([...sources]).toEqual([
      ['_sync.oslo', { lag: 3, heardMs: 1500 }],
      ['_sync.paris', { lag: 0, heardMs: undefined }],
    ]);
  });

  it('has no times and no sources where there are none', () => {
    const { state, sources } = parse({ ...answer, sources: undefined, state: { ...answer.state, messages: 0, first_ts: '0001-01-01T00:00:00Z' } });
    expect([state.firstAt, state.lastAt, sources.size]).toEqual([undefined, undefined, 0]);
  });

  it('has those sources only that say where they deliver', () => {
    expect(parse({ ...answer, sources: [{ name: 'other', lag: 0 }] }).sources.size).toBe(0);
  });

  it.each([
    { ...answer, state: { ...answer.state, messages: -1 } },
    { ...answer, state: { ...answer.state, bytes: 1e300 } },
    { ...answer, state: { ...answer.state, last_seq: '8' } },
    { ...answer, state: { ...answer.state, first_ts: 'yesterday' } },
    { ...answer, created: undefined },
    { ...answer, ts: '+200000-01-01T00:00:00Z' },
    { ...answer, sources: [{ ...answer.sources[0], lag: -3 }] },
    { ...answer, sources: [null] },
    { ...answer, sources: 'none' },
    {},
  ])('is refused as %j', (value) => {
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'hub_unreachable' }));
  });
});
