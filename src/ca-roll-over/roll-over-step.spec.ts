import { type RollOverFacts, rollOverStep } from './roll-over-step.js';

const NOW = new Date('2026-11-26T10:00:00Z');
const inDays = (days: number) => new Date(NOW.getTime() + days * 86_400_000);

const facts = ({ ends, ...more }: Partial<RollOverFacts> & { ends: number }): RollOverFacts => ({
  active: { notAfter: inDays(ends) },
  next: null,
  retiring: [],
  rootNotAfter: inDays(7_000),
  ...more,
});
const waiting = (waitingSites: number) => ({ id: 'next', waitingSites });
const old = (liveCertificates: number, ends = 400) => ({ id: 'old', notAfter: inDays(ends), liveCertificates });

describe('the next step of a tenant’s roll-over', () => {
  it.each<[string, RollOverFacts, object | undefined]>([
    ['none while the CA can sign for a year, and sites have time to install', facts({ ends: 457 }), undefined],
    ['to begin when it cannot much longer', facts({ ends: 455 }), { kind: 'begin' }],
    ['to begin when it has ended', facts({ ends: -1 }), { kind: 'begin' }],
    ['none when another CA would end no later, with the root', facts({ ends: 100, rootNotAfter: inDays(100) }), undefined],
    ['none while a site does not trust the next CA', facts({ ends: 455, next: waiting(1) }), undefined],
    ['to activate when all sites trust the next CA', facts({ ends: 455, next: waiting(0) }), { kind: 'activate', id: 'next' }],
    ['to activate what somebody has begun early', facts({ ends: 3_000, next: waiting(0) }), { kind: 'activate', id: 'next' }],
    ['none at 91 days before the end while a site does not', facts({ ends: 91, next: waiting(1) }), undefined],
    ['to activate at 89 days before the end whatever sites trust', facts({ ends: 89, next: waiting(1) }), { kind: 'activate', id: 'next' }],
    ['none while something is good that a retiring CA signed', facts({ ends: 3_000, retiring: [old(1)] }), undefined],
    ['to retire a CA when nothing is', facts({ ends: 3_000, retiring: [old(0)] }), { kind: 'retire', id: 'old' }],
    ['to retire a CA that has ended', facts({ ends: 3_000, retiring: [old(1, -1)] }), { kind: 'retire', id: 'old' }],
    ['to retire the one of two that can', facts({ ends: 3_000, retiring: [{ ...old(1), id: 'older' }, old(0)] }), { kind: 'retire', id: 'old' }],
    ['to retire before anything else', facts({ ends: 89, next: waiting(0), retiring: [old(0)] }), { kind: 'retire', id: 'old' }],
    ['to begin also while a CA is retiring', facts({ ends: 455, retiring: [old(1)] }), { kind: 'begin' }],
  ])('is %s', (_what, given, expected) => {
    expect(rollOverStep(given, NOW)).toEqual(expected);
  });
});
