import { createHash } from 'node:crypto';

/** Characters of base64url: 96 bits. */
const HASH_LENGTH = 16;

/**
 * A strong entity tag (RFC 9110, section 8.8.3): `"<version>-<hash of the representation>"`. It changes whenever what is shown does; its version
 * changes only when somebody has changed what people set.
 */
export function entityTag(version: number, representation: unknown): string {
  const hash = createHash('sha256').update(JSON.stringify(representation)).digest('base64url').slice(0, HASH_LENGTH);
  return `"${version}-${hash}"`;
}

/** The version in a tag of ours; undefined in any other. */
export function versionIn(tag: string): number | undefined {
  const [, version] = /^"(\d{1,10})-[\w-]{16}"$/.exec(tag) ?? [];
  return version === undefined ? undefined : Number(version);
}

/**
 * The tags of a header `If-Match` or `If-None-Match`, weak ones with their `W/`.
 * @returns undefined when it is no list of tags
 */
export function tagsIn(header: string): string[] | undefined {
  const tags: string[] = [];
  // One at a time from where the last one ended.
  const next = /\s*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(,|$)/y;
  for (let found = next.exec(header); found !== null; found = next.exec(header)) {
    tags.push(found[1]!);
    if (found[2] === '') return tags;
  }
  return undefined;
}
