import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { composeString, markdownLiteral, shellQuote, systemdText, yamlString } from './quote.js';

const HOSTILE = ['a"b', '$(touch x)', '`touch x`', "'; rm -rf . #", '%n %%', '\\', 'x\\', '${HOME}', '<img src=x onerror=alert(1)>', '!!', '- x: &a *b', '😀'.repeat(200), ' ', '\uFEFFx'];
const anyName = fc.string({ unit: 'binary', maxLength: 50 }).filter((text) => !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text));

describe.each([shellQuote, systemdText, yamlString, composeString, markdownLiteral])('%o', (quote) => {
  it.each(['a\nb', 'a\rb', '\0', 'a\x1b[31m', '\x7f', '\u0085', '\u2028', '\ud800'])('refuses the control characters of %j', (text) => {
    expect(() => quote(text)).toThrow(expect.objectContaining({ code: 'bundle_invalid' }));
  });

  it('keeps every text on one line', () => {
    for (const text of HOSTILE) expect(quote(text)).not.toMatch(/[\r\n]/);
  });
});

describe('a shell word', () => {
  it('is the text again when a shell reads it', () => {
    const script = HOSTILE.map((text) => `printf '%s\\0' ${shellQuote(text)}\n`).join('');
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(HOSTILE);
  });

  it('is one word for any text', () => {
    fc.assert(
      fc.property(fc.array(anyName, { minLength: 1, maxLength: 20 }), (texts) => {
        const out = execFileSync('sh', ['-c', `printf '%s\\0' ${texts.map(shellQuote).join(' ')}`], { encoding: 'utf8' });
        expect(out).toBe(texts.map((text) => `${text}\0`).join(''));
      }),
      { numRuns: 25 },
    );
  });
});

describe('a text for systemd', () => {
  it('has its specifiers doubled', () => expect(systemdText('100%n')).toBe('“100%%n”'));
  it('never ends its line in a backslash', () => expect(systemdText('x\\')).not.toMatch(/\\$/));
});

describe('a scalar of YAML', () => {
  it('is a JSON string, so that JSON reads back the text', () => {
    fc.assert(fc.property(anyName, (text) => expect(JSON.parse(yamlString(text))).toBe(text)));
  });

  it('escapes what YAML does not call printable', () => expect(yamlString('\uFEFF')).toBe('"\\ufeff"'));

  it('is a string whatever it looks like', () => expect(yamlString('no')).toBe('"no"'));
});

describe('a scalar of a Compose file', () => {
  it('has nothing to interpolate', () => expect(composeString('$(x) ${HOME}')).toBe('"$$(x) $${HOME}"'));
});

describe('a literal of Markdown', () => {
  it('is indented code, where nothing is markup', () => expect(markdownLiteral('<b>*x*</b>')).toBe('    <b>*x*</b>'));
});
