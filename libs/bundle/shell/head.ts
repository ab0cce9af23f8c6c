import { shellQuote } from '../quote.js';

/**
 * How each script of a bundle begins: POSIX shell (POSIX.1-2017), for dash and busybox too; then its constants.
 *
 * The parts of the scripts are raw template strings, in which `${` would interpolate: they do without braces around variables, and without
 * backquotes.
 * @param purpose a line of comment
 * @param constants by the names of their variables; what people name things may look like code, and is quoted
 * @throws DomainError `bundle_invalid` when a text has control characters
 */
export function scriptHead(purpose: string, constants: Readonly<Record<string, string>>): string {
  const assignments = Object.entries(constants).map(([name, value]) => `# shellcheck disable=SC1003,SC2016\n${name}=${shellQuote(value)}\n`);
  return `#!/bin/sh\n# ${purpose}\n${PREAMBLE}${assignments.join('')}`;
}

const PREAMBLE = String.raw`set -eu
umask 077
LC_ALL=C
export LC_ALL
unset CDPATH

`;
