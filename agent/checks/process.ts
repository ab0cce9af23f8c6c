import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { AgentError } from '../agent-error.js';
import type { Checker } from './checker.js';

/** Whether a program of the name `target` runs on this machine (proc(5)). */
export const processRuns: Checker = async ({ target }) => {
  if (target === '') throw new AgentError('The check has no target: which program is to run?');
  const pids = await pidsOf(target);
  if (pids.length === 0) return { available: false, details: { running: 0, error: `No process is called ${JSON.stringify(target)}.` } };
  return { available: true, details: { running: pids.length, pids: pids.slice(0, 10) } };
};

/** Processes of that name: the kernel's, which is cut to 15 bytes, or the file's that was started. */
async function pidsOf(name: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const found: number[] = [];
  for (const pid of pids) {
    const [comm, command] = await Promise.all([read(`/proc/${pid}/comm`), read(`/proc/${pid}/cmdline`)]);
    // What has ended, and the kernel's own threads, have no command line.
    if (command !== '' && (comm.trimEnd() === name || basename(command.split('\0')[0]!) === name)) found.push(Number(pid));
  }
  return found.sort((a, b) => a - b);
}

/** Processes come and go while we look. */
const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
