import type { Secret } from '#libs/kernel';
import type { BundleEntry } from './archive.js';
import { CHECKSUMS_PATH, checksums } from './checksums.js';

/**
 * Entries by path, `SHA256SUMS` last: what is secret is for its owner only (0600), scripts can be run (0755), the rest can be read (0644).
 */
export function entriesOf(files: Readonly<Record<string, string | Secret>>): BundleEntry[] {
  const entries = Object.entries(files)
    .map(([path, content]): BundleEntry => {
      if (typeof content !== 'string') return { path, mode: 0o600, content: content.reveal() };
      return { path, mode: path.endsWith('.sh') ? 0o755 : 0o644, content };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return [...entries, { path: CHECKSUMS_PATH, mode: 0o644, content: checksums(entries) }];
}
