/** One DNS label (RFC 1123, section 2.1): 1 to 63 of a-z, 0-9 and inner hyphens. */
export const SLUG_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const MAX_LENGTH = 63;

export const isSlug = (text: string): boolean => SLUG_PATTERN.test(text);

/**
 * Makes a slug from a name: `Zürich #2` gives `zurich-2`. A name that holds no Latin letter or digit has none:
 * the answer is undefined, and the caller asks for a slug.
 */
export function slugFromName(name: string): string | undefined {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{Mark}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_LENGTH + 1)
    .replace(/^-/, '')
    .slice(0, MAX_LENGTH)
    .replace(/-$/, '');
  return slug === '' ? undefined : slug;
}
