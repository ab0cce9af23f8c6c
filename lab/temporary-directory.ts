import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory. Others may pass through it: PostgreSQL does not run as root. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'serviceradar-lab-'));
  chmodSync(directory, 0o711);
  return directory;
}
