import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AgentError, codeOf } from '../agent-error.js';
import type { Checker } from './checker.js';

/** Whether a host answers an ICMP echo, which the system's `ping` sends: the agent needs no right of its own to raw sockets. */
export const icmp: Checker = async ({ target, timeout_sec: timeout }, { signal }) => {
  if (target === '') throw new AgentError('The check has no target: which host is to be pinged?');
  try {
    // No shell, and no target that could be taken for an option.
    const { stdout } = await promisify(execFile)('ping', ['-n', '-c', '1', '-W', String(Math.max(1, timeout)), '--', target], { signal });
    return { available: true, details: { round_trip_ms: roundTripOf(stdout) } };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new AgentError('This machine has no ping: install iputils-ping.');
    if (signal.aborted) throw error;
    const { stderr = '' } = error as { stderr?: string };
    throw new AgentError(stderr.trim().split('\n')[0]! || `${target} did not answer within ${Math.max(1, timeout)} s.`);
  }
};

/** Milliseconds, as iputils and busybox print them, in the language of the machine; null when they do not. */
export function roundTripOf(output: string): number | null {
  const found = /[=<]([\d.,]+) ?ms/.exec(output)?.[1];
  return found === undefined ? null : Number(found.replace(',', '.'));
}
