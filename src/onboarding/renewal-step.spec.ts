import { type Renewable, type RenewalInput, renewalStep } from './renewal-step.js';

const DAY = 24 * 60 * 60 * 1000;
const NOW = new Date('2026-11-26T10:00:00Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * DAY);
const key = (name: string) => Buffer.from(name);

/** Of a year, and so many days old. */
const certificate = (days: number, more: Partial<Renewable> = {}): Renewable => ({
  id: 'shown',
  issuerId: 'ca-1',
  createdAt: daysAgo(days),
  notBefore: daysAgo(days),
  notAfter: daysAgo(days - 360),
  publicKey: key('old'),
  ...more,
});
const unused = (days: number, more: Partial<Renewable> = {}) => certificate(days, { id: 'unused', publicKey: key('new'), ...more });
const WANTED = { publicKey: key('new'), issuerId: 'ca-1', notAfter: daysAgo(-365) };

const outcomeOf = (input: Partial<RenewalInput> & Pick<RenewalInput, 'shown'>): string => {
  try {
    return renewalStep({ newest: input.shown, wanted: WANTED, now: NOW, ...input });
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
};

describe('a component that asks for a certificate', () => {
  it.each([120, 240, 359])('gets one when its own is %d days old, of 360', (days) => {
    expect(outcomeOf({ shown: certificate(days) })).toBe('issue');
  });

  it('is told from when on it gets one, before a third of its own one’s life is over', () => {
    const message = 'The certificate is not renewed now: it can be renewed from 2026-11-27T10:00:00.000Z. Go on with the one that you have.';
    expect(outcomeOf({ shown: certificate(119) })).toBe(`illegal_transition: ${message}`);
  });

  it('gets again the one that was made for its key and has not been shown', () => {
    expect(outcomeOf({ shown: certificate(200), newest: unused(0) })).toBe('again');
    expect(outcomeOf({ shown: certificate(200), newest: unused(30) })).toBe('again');
  });

  it('gets one for another key an hour after the one before, and not sooner', () => {
    const other = { ...WANTED, publicKey: key('newer') };
    const after = (minutes: number) => outcomeOf({ shown: certificate(200), newest: unused(minutes / 24 / 60), wanted: other });
    expect([after(60), after(61)]).toEqual(['issue', 'issue']);
    expect(after(59)).toContain('it can be renewed from 2026-11-26T10:01:00.000Z');
  });

  it('gets one at any time when its own is of a CA that signs no more, but one an hour', () => {
    const wanted = { ...WANTED, issuerId: 'ca-2' };
    expect(outcomeOf({ shown: certificate(0), wanted })).toBe('issue');
    expect(outcomeOf({ shown: certificate(0), wanted: { ...wanted, notAfter: certificate(0).notAfter } })).toBe('issue');
    expect(outcomeOf({ shown: certificate(10), newest: unused(0, { issuerId: 'ca-2' }), wanted: { ...wanted, publicKey: key('newer') } })).toContain('2026-11-26T11:00:00.000Z');
  });

  it('is refused one for the key that it has', () => {
    expect(outcomeOf({ shown: certificate(200), wanted: { ...WANTED, publicKey: key('old') } })).toMatch(/^malformed_request: .* Make a new key/);
  });

  it('is refused one that would end no later', () => {
    const shown = certificate(200);
    expect(outcomeOf({ shown, wanted: { ...WANTED, notAfter: shown.notAfter } })).toMatch(/^illegal_transition: .* would end no later/);
  });
});
