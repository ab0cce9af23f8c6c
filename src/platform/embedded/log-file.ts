import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';

/** From this size on, in bytes, a log is set aside as `<name>.1` when its server is started anew. */
const ROTATE_AT = 10_000_000;

/** How much of the end of a log is looked at for its last lines, in bytes. */
const TAIL_BYTES = 16_384;

/** Sets a large log aside, in place of the one set aside before. */
export function rotateLog(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size >= ROTATE_AT) renameSync(path, `${path}.1`);
}

/** The last lines of a log, oldest first; none if there is no such file. */
export function lastLines(path: string, count: number): string[] {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8').trimEnd().split('\n').filter((line) => line !== '').slice(-count);
  } finally {
    closeSync(file);
  }
}
