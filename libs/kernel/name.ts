/** Longest name of anything that people name, in characters (Unicode code points). */
export const NAME_MAX_LENGTH = 200;

// Cc: control characters, newlines among them. Cs: halves of surrogate pairs. U+2028 and U+2029 break lines in some formats.
// Bidi_Control (UAX #9): makes the text around a name read in another order than it is written.
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]/u;

// Zero-width joiners and variation selectors are parts of emoji, so they are allowed beside something that is seen.
// The blank Braille pattern is a symbol to Unicode, and a space to the eye.
const VISIBLE = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]/u;

/**
 * Whether people may name something so: 1 to 200 characters, something visible among them, none of them a control
 * character or one that changes the direction of text (Unicode's `Bidi_Control`).
 */
export function isName(text: string): boolean {
  return [...text].length <= NAME_MAX_LENGTH && VISIBLE.test(text) && !FORBIDDEN.test(text);
}
