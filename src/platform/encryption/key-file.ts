import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Secret } from '#libs/kernel';

const KEY_BYTES = 32;

/** The key in a file, which is made with mode 0600 when it is not there. */
export function keptKey(file: string): Secret<Buffer> {
  if (!existsSync(file)) makeKeyFile(file);
  return new Secret(Buffer.from(readFileSync(file, 'utf8'), 'base64'));
}

/** Whole or not at all. Of several processes that do this at once, one makes the file: the others leave it as it is. */
export function makeKeyFile(file: string): void {
  const own = `${file}.${randomUUID()}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(own, randomBytes(KEY_BYTES).toString('base64'), { mode: 0o600, flag: 'wx', flush: true });
  try {
    linkSync(own, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(own);
  }
}
