/** Longest name of anything that people name, in characters (Unicode code points). */
export const NAME_MAX_LENGTH = 200;

// Cc: control characters, newlines among them. Cs: halves of surrogate pairs. U+2028 and U+2029 break lines in some formats.
const FORBIDDEN = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/** Whether people may name something so: 1 to 200 characters, something visible among them, none of them a control character. */
export function isName(text: string): boolean {
  const length = [...text].length;
  return length >= 1 && length <= NAME_MAX_LENGTH && text.trim() !== '' && !FORBIDDEN.test(text);
}
