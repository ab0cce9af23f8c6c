import type { Clock } from '#libs/kernel';
import { renamedSource } from './source-names.js';
import { begun, narrows, parseStreamAnswer, planStream, rearm, standingSource, streamRequest } from './stream-plan.js';
import { DEFAULT_RETENTION, hubRetention, hubStream, leafStream, leafStreamCapacity, shardSource, shardStream, siteSource, type SourcedSite, type StreamConfig } from './streams.js';

const clock: Clock = { now: () => new Date('2026-11-24T10:00:00.123Z') };
const invalid = expect.objectContaining({ code: 'invalid_configuration' });
const newYork: SourcedSite = { site: 'new-york', jetstreamDomain: 'edge' };
const paris: SourcedSite = { site: 'paris', jetstreamDomain: 'edge-paris' };
const NANOSECONDS_PER_DAY = 86_400_000_000_000;

/** What a server makes of a configuration: its own defaults beside it, and no first sequence once that is forgotten. */
const asServed = (config: StreamConfig): StreamConfig => {
  const served = { ...config, first_seq: undefined, compression: 'none', max_msgs: -1, metadata: { '_nats.ver': '2.15.1' } };
  return JSON.parse(JSON.stringify(served)) as StreamConfig;
};

describe("a leaf's stream", () => {
  it('begins at the microsecond of its making, so that a wiped leaf does not begin anew', () => {
    expect(leafStream({ clock }).first_seq).toBe(Date.parse('2026-11-24T10:00:00.123Z') * 1000);
  });

  it('keeps messages for seven days, dropping the oldest, in one copy, with two minutes of duplicates', () => {
    expect(leafStream({ clock })).toMatchObject({
      name: 'events',
      retention: 'limits',
      storage: 'file',
      discard: 'old',
      max_age: 7 * NANOSECONDS_PER_DAY,
      max_bytes: -1,
      num_replicas: 1,
      duplicate_window: 120_000_000_000,
    });
  });
});

describe('the room for the stream of a leaf', () => {
  it('is nine tenths of the disk that JetStream has there', () => {
    expect(leafStreamCapacity(10 * 2 ** 30)).toBe(9_663_676_416);
  });
});

describe("the hub's stream", () => {
  it('keeps messages for as long as the leaf that keeps them longest, and for seven days at least', () => {
    const days = (count: number) => ({ maxAgeMs: count * 86_400_000, maxBytes: 1000 });
    expect(hubRetention([days(1), days(30), days(9)])).toEqual({ ...DEFAULT_RETENTION, maxAgeMs: 30 * 86_400_000 });
    expect(hubRetention([days(1)])).toEqual(DEFAULT_RETENTION);
    expect(hubRetention([])).toEqual(DEFAULT_RETENTION);
  });

  it('sources each site from its domain and from its beginning', () => {
    expect(hubStream({ sites: [newYork, paris] })).toMatchObject({
      duplicate_window: 100_000_000,
      sources: [
        { name: 'events', opt_start_seq: 1, external: { api: '$JS.edge.API', deliver: '_sync.new-york' } },
        { name: 'events', opt_start_seq: 1, external: { api: '$JS.edge-paris.API', deliver: '_sync.paris' } },
      ],
    });
  });

  it('is refused when a leaf keeps messages for longer', () => {
    const retention = { maxAgeMs: 1000, maxBytes: -1 };
    expect(() => hubStream({ sites: [newYork], retention })).toThrow(invalid);
    expect(hubStream({ sites: [{ ...newYork, retention }], retention }).max_age).toBe(1_000_000_000);
  });
});

describe("a shard of the hub's stream", () => {
  const shard = shardStream({ clock, shard: 2, sites: [paris] });

  it('sources its sites, and has no subjects of its own', () => {
    expect(shard).toMatchObject({ name: 'events-2', duplicate_window: 100_000_000, sources: hubStream({ sites: [paris] }).sources });
    expect(shard).not.toHaveProperty('subjects');
  });

  it('begins at the microsecond of its making', () => {
    expect(shard.first_seq).toBe(Date.parse('2026-11-24T10:00:00.123Z') * 1000);
  });

  it('is sourced by the stream that is read, from its beginning and in the same account', () => {
    const { sources } = hubStream({ sites: [newYork], shards: [1, 2] });
    expect(sources).toEqual([...hubStream({ sites: [newYork] }).sources!, { name: 'events-1', opt_start_seq: 1 }, { name: 'events-2', opt_start_seq: 1 }]);
  });

  it('keeps messages for as long as that one, and is refused when a leaf keeps them for longer', () => {
    expect(shard.max_age).toBe(hubStream({ sites: [] }).max_age);
    expect(() => shardStream({ clock, shard: 1, sites: [newYork], retention: { maxAgeMs: 1000, maxBytes: -1 } })).toThrow(invalid);
  });
});

describe('the plan for a stream', () => {
  const desired = hubStream({ sites: [newYork, paris] });

  it('makes one that is not there', () => {
    expect(planStream(desired, undefined)).toEqual({ kind: 'create', config: desired });
  });

  it('leaves one that is as it should be, in whichever order its lists are', () => {
    const served = asServed(desired);
    expect(planStream(desired, { ...served, sources: [...served.sources!].reverse(), subjects: [...served.subjects!].reverse() })).toEqual({ kind: 'none' });
  });

  it('leaves one without sources', () => {
    const none = hubStream({ sites: [] });
    expect(planStream(none, { ...asServed(none), sources: undefined })).toEqual({ kind: 'none' });
  });

  it('adds a site, and keeps what the server knows besides', () => {
    const plan = planStream(desired, asServed(hubStream({ sites: [newYork] })));
    expect(plan).toMatchObject({ kind: 'update', config: { sources: desired.sources, compression: 'none' } });
  });

  it('has a leaf forget its first sequence, and leaves one that has none', () => {
    const current = asServed(leafStream({ clock }));
    const made = { ...current, first_seq: 7 };
    expect(begun(made)).toEqual({ ...made, first_seq: 0 });
    expect(planStream(leafStream({ clock }), made)).toEqual({ kind: 'update', config: begun(made) });
    expect(planStream(leafStream({ clock }), current)).toEqual({ kind: 'none' });
    const subjects = planStream(leafStream({ clock, subjects: ['a'] }), current);
    expect(subjects).toMatchObject({ kind: 'update', config: { first_seq: undefined, subjects: ['a'] } });
  });

  it('leaves the name of a source that has another one', () => {
    const renamed = hubStream({ sites: [newYork] }).sources!.map(renamedSource);
    const current = { ...asServed(hubStream({ sites: [newYork] })), sources: renamed };
    expect(planStream(hubStream({ sites: [newYork] }), current)).toEqual({ kind: 'none' });
    expect(planStream(desired, current)).toMatchObject({ kind: 'update', config: { sources: [renamed[0], desired.sources![1]] } });
    expect(rearm(current, [siteSource(newYork)])[1].sources).toEqual(renamed);
  });

  it.each([
    ['shorter', 1, -1, 7, -1],
    ['limited, of an unlimited one,', 7, 1000, 7, -1],
    ['smaller', 7, 1000, 7, 2000],
  ])('does not delete messages for a %s retention, unless it may', (_how, days, maxBytes, currentDays, currentBytes) => {
    const stream = (age: number, bytes: number) => leafStream({ clock, retention: { maxAgeMs: age * 86_400_000, maxBytes: bytes } });
    const [desired, current] = [stream(days, maxBytes), asServed(stream(currentDays, currentBytes))];
    expect(narrows(desired, current)).toBe(true);
    expect(planStream(desired, current)).toEqual({ kind: 'none' });
    expect(planStream(desired, current, { mayNarrow: true })).toMatchObject({ kind: 'update', config: { max_age: desired.max_age, max_bytes: maxBytes } });
  });

  it.each([
    ['longer', 8, 1000, 8, 1000],
    ['unlimited', 7, -1, 7, -1],
    ['larger', 7, 1001, 7, 1001],
  ])('takes over a %s retention', (_how, days, maxBytes, expectedDays, expectedBytes) => {
    const stream = (age: number, bytes: number) => leafStream({ clock, retention: { maxAgeMs: age * 86_400_000, maxBytes: bytes } });
    expect(narrows(stream(days, maxBytes), asServed(stream(7, 1000)))).toBe(false);
    expect(planStream(stream(days, maxBytes), asServed(stream(7, 1000)))).toMatchObject({
      kind: 'update',
      config: { max_age: expectedDays * NANOSECONDS_PER_DAY, max_bytes: expectedBytes },
    });
  });

  it('takes over what goes when it is full', () => {
    const stream = (discard: 'old' | 'new') => leafStream({ clock, retention: { ...DEFAULT_RETENTION, discard } });
    expect(planStream(stream('new'), asServed(stream('old')))).toMatchObject({ kind: 'update', config: { discard: 'new' } });
    expect(planStream(stream('new'), asServed(stream('new')))).toEqual({ kind: 'none' });
  });

  it('is refused where the stream that is there is of another make', () => {
    expect(() => planStream(desired, { ...desired, storage: 'memory' } as unknown as StreamConfig)).toThrow(invalid);
    expect(() => planStream(desired, { ...desired, retention: 'workqueue' } as unknown as StreamConfig)).toThrow(invalid);
  });
});

describe('re-arming sources', () => {
  const [without, withSource] = rearm(asServed(hubStream({ sites: [newYork, paris] })), [siteSource(newYork)]);

  it('takes away the source of the site alone, and puts it back', () => {
    expect(without.sources).toEqual(hubStream({ sites: [paris] }).sources);
    expect(withSource.sources).toEqual(hubStream({ sites: [paris, newYork] }).sources);
  });

  it('changes nothing else', () => {
    expect({ ...without, sources: [] }).toEqual({ ...withSource, sources: [] });
  });

  it('takes several sites, and a shard', () => {
    const [others, all] = rearm(hubStream({ sites: [newYork, paris], shards: [1, 2] }), [siteSource(paris), shardSource(1)]);
    expect(others.sources).toEqual(hubStream({ sites: [newYork], shards: [2] }).sources);
    expect(all.sources).toEqual([...others.sources!, siteSource(paris), shardSource(1)]);
  });

  it('is of those that are there', () => {
    const hub = hubStream({ sites: [newYork], shards: [1] });
    expect([siteSource(newYork), siteSource(paris), shardSource(1), shardSource(2)].map((source) => standingSource(hub, source) !== undefined)).toEqual([true, false, true, false]);
    expect(standingSource(undefined, shardSource(1))).toBeUndefined();
  });

  it('replaces the source of a site whose domain has changed', () => {
    const [, moved] = rearm(hubStream({ sites: [newYork] }), [siteSource({ ...newYork, jetstreamDomain: 'edge-new-york' })]);
    expect(moved.sources).toHaveLength(1);
  });
});

describe('a request about a stream', () => {
  it('goes to the hub, or to the domain of a leaf', () => {
    expect([streamRequest('info'), streamRequest('create', { domain: 'edge' }), streamRequest('update', { stream: 'events-1' })]).toEqual([
      '$JS.API.STREAM.INFO.events',
      '$JS.edge.API.STREAM.CREATE.events',
      '$JS.API.STREAM.UPDATE.events-1',
    ]);
  });
});

describe('an answer about a stream', () => {
  const parse = (value: unknown) => parseStreamAnswer(Buffer.from(JSON.stringify(value)));

  it('is a configuration, an absence or an error', () => {
    expect(parse({ config: { name: 'events' }, state: {} })).toEqual({ kind: 'stream', config: { name: 'events' } });
    expect(parse({ error: { code: 404, err_code: 10059, description: 'stream not found' } })).toEqual({ kind: 'not_found' });
    expect(parse({ error: { code: 503, err_code: 10008, description: 'away' } })).toEqual({ kind: 'error', code: 10008, description: 'away' });
  });

  it.each([{}, [], 'x', { config: 'x' }, { config: {} }])('is refused as %j', (value) => {
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'hub_unreachable' }));
  });
});
