import { execFileSync } from 'node:child_process';
import { shellQuote, systemdText } from '#libs/bundle';
import fc from 'fast-check';

/** The same texts in each run. */
const SEED = 20261126;
const UNQUOTABLE = /[\p{Cc}\p{Cs}\u2028\u2029]/u;
const unit = fc.oneof(fc.constantFrom(...'\'"`$\\;&|<>(){}[]*?!#~%= nx'), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((one) => !UNQUOTABLE.test(one)));
const texts = fc.sample(fc.array(unit, { maxLength: 40 }).map((units) => units.join('')), { seed: SEED, numRuns: 1000 });

describe.each([
  ['sh', ['sh']],
  ['dash', ['dash']],
  ['bash', ['bash']],
  ['busybox', ['busybox', 'sh']],
])('a thousand words in %s', (_name, [program, ...args]) => {
  it('are read as what they were quoted from', () => {
    const script = texts.map((text) => `printf '%s\\0' ${shellQuote(text)}\n`).join('');
    const out = execFileSync(program!, args, { input: script, encoding: 'utf8', maxBuffer: 1 << 26 });
    expect(out.split('\0').slice(0, -1)).toEqual(texts);
  });
});

describe('a thousand texts for systemd', () => {
  it('hold no specifier, stay on their line, and are the text again without the quotation marks and doublings', () => {
    for (const text of texts) {
      const line = systemdText(text);
      expect(line).toMatch(/^“(?:[^%]|%%)*”$/u);
      expect(line.slice(1, -1).replaceAll('%%', '%')).toBe(text);
    }
  });
});
