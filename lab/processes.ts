import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that has something to do with a directory. */
export interface FoundProcess {
  pid: number;
  command: string;
}

/** All processes that work in the directory, or name it in their command line or environment (Linux, proc(5)). */
export function processesOf(directory: string): FoundProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const read = (file: string) => attempt(() => readFileSync(`/proc/${name}/${file}`, 'utf8'));
      const cwd = attempt(() => readlinkSync(`/proc/${name}/cwd`));
      const command = read('cmdline').replaceAll('\0', ' ').trim();
      // What has ended but was not waited for has no command line.
      const found = command !== '' && [cwd, command, read('environ')].some((text) => text.includes(directory));
      return found ? [{ pid: Number(name), command }] : [];
    });
}

/** Processes come and go while we look. */
function attempt(look: () => string): string {
  try {
    return look();
  } catch {
    return '';
  }
}
