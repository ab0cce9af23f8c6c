import fc from 'fast-check';
import { duration, quote, renderConf, size } from './conf.js';

const invalid = expect.objectContaining({ code: 'invalid_configuration' });

describe('a quoted text', () => {
  it.each([
    ['plain', '"plain"'],
    ['', '""'],
    ['a"b', '"a\\"b"'],
    ['a\\b', '"a\\\\b"'],
    ['\\"', '"\\\\\\""'],
    ['$HOME', '"$HOME"'],
    ["it's; {x}: [y], #z //", '"it\'s; {x}: [y], #z //"'],
    ['🛰️ Zürich', '"🛰️ Zürich"'],
  ])('of %j is %s', (text, expected) => {
    expect(quote(text)).toBe(expected);
  });

  it.each(['a\nb', 'a\rb', 'a\tb', '\u0000', '\u001b[0m', '\u007f', '\u0085', '\ud800', 'a"\nhttp: "0.0.0.0:8222'])('refuses %j', (text) => {
    expect(() => quote(text)).toThrow(invalid);
  });

  it('ends at its last character and nowhere before', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', '\\', 'x', '$', "'", ' ', '🛰') }), (text) => {
        expect(quote(text)).toMatch(/^"(?:[^"\\]|\\["\\])*"$/);
      }),
    );
  });
});

describe('a configuration', () => {
  it('has one entry per line, and leaves out what is undefined', () => {
    expect(
      renderConf({
        text: 'a',
        number: 2,
        flag: false,
        time: duration(1500),
        seconds: duration(10_000),
        bytes: size(1024),
        none: undefined,
        list: ['a', 'b'],
        empty: [],
        map: { list: [{ a: 1 }] },
      }),
    ).toBe(
      'text: "a"\nnumber: 2\nflag: false\ntime: "1500ms"\nseconds: "10s"\nbytes: 1024\n' +
        'list: [\n  "a"\n  "b"\n]\nempty: []\nmap: {\n  list: [\n    {\n      a: 1\n    }\n  ]\n}\n',
    );
  });

  it.each(['a b', 'a"b', '', '1a', 'a:b', 'a\nb', '$x'])('refuses the key %j', (key) => {
    expect(() => renderConf({ [key]: 1 })).toThrow(invalid);
  });

  it.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])('refuses the number %d', (value) => {
    expect(() => renderConf({ value })).toThrow(invalid);
    expect(() => size(value)).toThrow(invalid);
    expect(() => duration(value)).toThrow(invalid);
  });

  it.each([0, -1])('refuses a size or duration of %d', (value) => {
    expect(() => size(value)).toThrow(invalid);
    expect(() => duration(value)).toThrow(invalid);
  });
});
