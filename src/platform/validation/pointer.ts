/** A JSON pointer (RFC 6901, section 3): each step after a slash, `~` as `~0`, `/` as `~1`. */
export const pointerTo = (path: readonly string[]): string =>
  path.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
