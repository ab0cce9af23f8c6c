import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { AgentError } from '../agent-error.js';
import type { Checker } from './checker.js';

/** Whether a program of the name `target` runs on this machine (proc(5)). */
export const processRuns: Checker = async ({ target }) => {
  if (target === '') throw new AgentError('The check has no target: which program is to run?');
  const pids = pidsOf(target);
  if (pids.length === 0) return { available: false, details: { running: 0, error: `No process is called ${JSON.stringify(target)}.` } };
  return { available: true, details: { running: pids.length, pids: pids.slice(0, 10) } };
};

/**
 * Processes of that name: the kernel's, which is cut to 15 bytes, or the file's that was started. What is read is no file on a disk, and not worth
 * a trip to the thread pool.
 */
function pidsOf(name: string): number[] {
  const isCalled = (pid: string) => {
    const command = read(`/proc/${pid}/cmdline`);
    // What has ended, and the kernel's own threads, have none.
    return command !== '' && (basename(command.split('\0', 1)[0]!) === name || read(`/proc/${pid}/comm`).trimEnd() === name);
  };
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && isCalled(entry))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Processes come and go while we look. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
