import { isName, NAME_MAX_LENGTH } from './name.js';

/** Characters that nobody would see here, by their code points. */
const chars = (...codes: number[]) => String.fromCodePoint(...codes);
const named = (codes: number[]) => codes.map((code) => `U+${code.toString(16).toUpperCase().padStart(4, '0')}`).join(' ');

describe('a name', () => {
  it.each(['New York plant', 'x', 'Zürich', '東京工場', 'مصنع', 'מפעל', `O'Brien's "$(touch x)" \`1\``, ' inner and outer spaces '])(
    'may be %j',
    (text) => {
      expect(isName(text)).toBe(true);
    },
  );

  it.each([
    ['emoji joined by zero-width joiners', [0x1f468, 0x200d, 0x1f469, 0x200d, 0x1f467]],
    ['an emoji with a variation selector', [0x2764, 0xfe0f]],
    ['an emoji with a skin tone', [0x1f44d, 0x1f3fd]],
    ['a soft hyphen inside of a word', [0x61, 0xad, 0x62]],
    ['a zero-width non-joiner between letters', [0x645, 0x200c, 0x646]],
  ])('may hold %s', (_what, codes) => {
    expect(isName(chars(...codes))).toBe(true);
  });

  it('is counted in characters, not in UTF-16 units', () => {
    expect(isName(chars(0x1f3ed).repeat(NAME_MAX_LENGTH))).toBe(true);
    expect(isName(chars(0x1f3ed).repeat(NAME_MAX_LENGTH + 1))).toBe(false);
  });

  it.each([0x0, 0x9, 0xa, 0xd, 0x1b, 0x7f, 0x85, 0x2028, 0x2029, 0xd800].map((code) => [named([code]), code] as const))(
    'holds no %s, which controls a terminal or breaks a line',
    (_name, code) => {
      expect(isName(`a${String.fromCharCode(code)}b`)).toBe(false);
    },
  );

  const BIDI_CONTROLS = [0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069];
  it.each(BIDI_CONTROLS.map((code) => [named([code]), code] as const))('holds no %s, which turns text around', (_name, code) => {
    expect(isName(`a${chars(code)}b`)).toBe(false);
  });

  const INVISIBLE = [
    [],
    [0x20],
    [0xa0, 0x3000],
    [0x200b],
    [0xad],
    [0x200d],
    [0xfe0f],
    [0xfeff],
    [0x2060],
    [0x3164],
    [0x2800],
    [0xe0020],
    [0x20, 0x200b, 0xad],
  ];
  it.each(INVISIBLE.map((codes) => [named(codes), codes] as const))('is not only %s, which nobody sees', (_name, codes) => {
    expect(isName(chars(...codes))).toBe(false);
  });
});
