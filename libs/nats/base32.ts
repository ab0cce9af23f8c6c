const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const VALUES = new Map([...ALPHABET].map((letter, value) => [letter, value]));

/** Base32 without padding (RFC 4648, section 6), as NATS writes keys and JWT ids. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = '';
  let buffered = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffered = (buffered << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(buffered >>> bits) & 31];
    }
    buffered &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(buffered << (5 - bits)) & 31];
}

/**
 * The bytes of a text in base32 without padding, or undefined when the text is not exactly what `encodeBase32` would write:
 * lower case, padding, foreign characters and stray bits at the end are all refused.
 */
export function decodeBase32(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(Math.floor((text.length * 5) / 8));
  let buffered = 0;
  let bits = 0;
  let length = 0;
  for (const letter of text) {
    const value = VALUES.get(letter);
    if (value === undefined) return undefined;
    buffered = (buffered << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = buffered >>> bits;
      buffered &= (1 << bits) - 1;
    }
  }
  return bits < 5 && buffered === 0 ? bytes : undefined;
}
