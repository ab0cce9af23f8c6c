import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** In milliseconds. */
const POLL_INTERVAL = 20;

/** What tells a process apart from a later one that was given the same number. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks from boot to its start: field 22 of /proc/<pid>/stat, proc(5). An exec keeps it. */
  startTime: string;
}

/** Reads the text of a /proc/<pid>/stat; undefined if it is none. */
export function parseStat(stat: string): (ProcessIdentity & { state: string }) | undefined {
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const end = stat.lastIndexOf(')');
  const pid = Number.parseInt(stat, 10);
  const [state, ...rest] = stat.slice(end + 1).trim().split(/\s+/);
  const startTime = rest[18];
  if (end < 0 || !(pid > 0) || state === undefined || startTime === undefined) return undefined;
  return { pid, state, startTime };
}

/** The process that has this number now; undefined when there is none, or only one that waits to be reaped. */
export function findProcess(pid: number): ProcessIdentity | undefined {
  const found = parseStat(read(`/proc/${pid}/stat`) ?? '');
  return found === undefined || found.state === 'Z' || found.state === 'X' ? undefined : found;
}

/** The arguments a process was started with, its program's name first; empty when there is no such process. */
export function commandLine(pid: number): string[] {
  return (read(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, -1);
}

export const isSameProcess = (one: ProcessIdentity, other: ProcessIdentity | undefined): boolean =>
  one.pid === other?.pid && one.startTime === other.startTime;

/** Waits for a process to end, for up to `limit` milliseconds. Whether it has. */
export async function waitUntilGone(identity: ProcessIdentity, limit: number): Promise<boolean> {
  const deadline = performance.now() + limit;
  while (isSameProcess(identity, findProcess(identity.pid))) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_INTERVAL);
  }
  return true;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
