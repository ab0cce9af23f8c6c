import { DomainError } from '#libs/kernel';

// Cc: control characters, newlines among them. Cs: halves of surrogate pairs. U+2028 and U+2029 break lines in YAML.
const UNQUOTABLE = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/**
 * One word of a POSIX shell: within single quotes nothing is special (POSIX.1-2017, Shell Command Language, 2.2.2).
 * @throws DomainError `bundle_invalid` when the text has control characters.
 */
export function shellQuote(text: string): string {
  assertQuotable(text);
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * A text as data in a unit setting that systemd takes as it stands but for specifiers, such as `Description=` (systemd.unit(5)): `%` is
 * doubled. It comes in typographic quotation marks, because a backslash at the end of a line would join the next one to it.
 * @throws DomainError `bundle_invalid` when the text has control characters.
 */
export function systemdText(text: string): string {
  assertQuotable(text);
  return `“${text.replaceAll('%', '%%')}”`;
}

/**
 * A double-quoted scalar of YAML (YAML 1.2.2, 7.3.1), which is a string whatever it looks like.
 * @throws DomainError `bundle_invalid` when the text has control characters.
 */
export function yamlString(text: string): string {
  assertQuotable(text);
  // Not printable in YAML (5.1), so not allowed there but escaped.
  return JSON.stringify(text).replace(/[\uFEFF\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

/**
 * As `yamlString`, for a Compose file, where `$` would interpolate a variable.
 * @throws DomainError `bundle_invalid` when the text has control characters.
 */
export const composeString = (text: string): string => yamlString(text.replaceAll('$', '$$$$'));

/**
 * A paragraph of Markdown that shows the text and nothing else: an indented code block (CommonMark 0.31, 4.4), which knows no HTML, links
 * or escapes. An empty line stands before it and after it.
 * @throws DomainError `bundle_invalid` when the text has control characters.
 */
export function markdownLiteral(text: string): string {
  assertQuotable(text);
  return `    ${text}`;
}

function assertQuotable(text: string): void {
  if (UNQUOTABLE.test(text)) {
    throw new DomainError('bundle_invalid', `A text in a bundle has control characters: ${JSON.stringify(text)}.`);
  }
}
