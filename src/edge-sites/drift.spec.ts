import { type Drift, driftOf, type Rightful } from './drift.js';

describe('a site that reports', () => {
  const table: [string, string, Rightful, Drift][] = [
    ['the only generation, before it has connected', 'one', { newest: 'one', installed: null }, 'current'],
    ['the generation that it is connected with, the newest', 'one', { newest: 'one', installed: 'one' }, 'current'],
    ['the generation that it is connected with, while a newer one is not installed', 'one', { newest: 'two', installed: 'one' }, 'outdated'],
    ['the newest generation, before that has connected', 'two', { newest: 'two', installed: 'one' }, 'current'],
    ['something else', 'changed', { newest: 'one', installed: 'one' }, 'drifted'],
    ['something else, while a newer generation is not installed', 'changed', { newest: 'two', installed: 'one' }, 'drifted'],
    ['a generation that was replaced', 'one', { newest: 'two', installed: 'two' }, 'drifted'],
    ['something, though nothing was provisioned', 'changed', { newest: null, installed: null }, 'drifted'],
  ];
  it.each(table)('%s', (_what, running, rightful, drift) => {
    expect(driftOf(running, rightful)).toBe(drift);
  });
});
