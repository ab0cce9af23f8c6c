import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a file so that there is the old one or the new one, whatever happens meanwhile: beside it, to the disk, then renamed.
 * @param mode whatever the umask is
 */
export function writeAtomically(path: string, content: string | Uint8Array, mode = 0o600): void {
  const beside = `${path}.new`;
  // Root writes where the service's user may have left a link to something else.
  rmSync(beside, { force: true });
  const file = openSync(beside, 'wx', mode);
  try {
    fchmodSync(file, mode);
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
  syncDirectory(dirname(path));
}

/** A rename or removal is on the disk once its directory is. */
export function syncDirectory(directory: string): void {
  const opened = openSync(directory, 'r');
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}
