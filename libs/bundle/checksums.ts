import { createHash } from 'node:crypto';
import type { BundleEntry } from './archive.js';

/** The file of a bundle that lists the SHA-256 of all others. */
export const CHECKSUMS_PATH = 'SHA256SUMS';

/**
 * The text of `SHA256SUMS`, as `sha256sum` writes it and `sha256sum --check` reads it in the top folder: 64 hex digits, two spaces, path;
 * sorted by path. An entry of that name is left out.
 */
export function checksums(entries: readonly BundleEntry[]): string {
  return entries
    .filter(({ path }) => path !== CHECKSUMS_PATH)
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, content }) => `${sha256(content)}  ${path}\n`)
    .join('');
}

/** The SHA-256 of the `SHA256SUMS` of these entries, in lower-case hex: what `sha256sum SHA256SUMS` prints, and the API as `config_checksum`. */
export const bundleChecksum = (entries: readonly BundleEntry[]): string => sha256(checksums(entries));

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
