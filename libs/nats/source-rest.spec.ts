import { hasToRest, hubStream, isResting, siteSource, SOURCE_REST } from './index.js';

const now = new Date('2026-11-26T10:00:00Z');
const oslo = { site: 'oslo', jetstreamDomain: 'edge-oslo' };
const hub = hubStream({ sites: [oslo] });
const since = (milliseconds: number) => new Date(now.getTime() + milliseconds);

describe('a source that is taken out of a stream at the hub', () => {
  it.each([
    ['2.15.1', false],
    ['2.16.0', false],
    ['3.0.0', false],
    ['2.14.9', true],
    ['2.11.0', true],
  ])('of a server %s: has to rest is %s', (version, rests) => {
    expect(hasToRest({ ...hub, metadata: { '_nats.ver': version } })).toBe(rests);
  });

  it('has to rest where the server says no version, as those before 2.11 do', () => {
    expect([hasToRest(hub), hasToRest({ ...hub, metadata: {} })]).toEqual([true, true]);
  });

  it('rests for longer than a server waits for a leaf', () => {
    expect(SOURCE_REST).toBeGreaterThan(30_000);
  });

  const source = siteSource(oslo);
  it.each([
    ['none that was never taken out', null, true, false],
    ['one that may not be out yet', { source, until: null }, true, true],
    ['one until its time', { source, until: since(1) }, true, true],
    ['none when it is over', { source, until: now }, true, false],
    ['one whose leaf is away, when it is over', { source, until: now }, false, true],
  ])('%s rests', (_what, resting, isLinked, expected) => {
    expect(isResting(resting, { isLinked, now })).toBe(expected);
  });
});

describe('the source of a site', () => {
  const standing = { ...siteSource(oslo), subject_transforms: [{ src: '*', dest: '' }] };

  it('has the name that it had', () => {
    expect(siteSource({ ...oslo, source: standing })).toEqual(standing);
  });

  it('has the one that it begins with, in another domain', () => {
    expect(siteSource({ site: 'oslo', jetstreamDomain: 'edge', source: standing })).toEqual(siteSource({ site: 'oslo', jetstreamDomain: 'edge' }));
  });
});
