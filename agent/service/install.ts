import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isSea } from 'node:sea';
import { AgentError, sentenceOf } from '../agent-error.js';
import { writeAtomically } from '../atomic-file.js';
import { NODE_FLAGS, renderUnit, SERVICE_USER } from './unit.js';

const UNIT = '/etc/systemd/system/serviceradar-agent.service';
const LIBRARY = '/usr/local/lib/serviceradar-agent';

/**
 * Makes the agent a service of this machine, and starts it: a user of its own, a copy of this program, a unit.
 * @param directory where it has enrolled
 * @throws AgentError when this is not root, or a command fails
 */
export function installService(directory: string): void {
  if (process.getuid?.() !== 0) throw new AgentError('A service is installed by root: run it with sudo.');
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  if (!lines.some((line) => line.startsWith(`${SERVICE_USER}:`))) {
    run('useradd', '--system', '--user-group', '--home-dir', directory, '--no-create-home', '--shell', '/usr/sbin/nologin', SERVICE_USER);
  }
  run('chown', '-R', `${SERVICE_USER}:${SERVICE_USER}`, '--', directory);
  const groups = readFileSync('/etc/group', 'utf8').split('\n').some((line) => line.startsWith('nats:')) ? ['nats'] : [];
  writeAtomically(UNIT, renderUnit({ command: copyProgram(), directory, groups }), 0o644);
  run('systemctl', 'daemon-reload');
  run('systemctl', 'enable', '--quiet', 'serviceradar-agent');
  run('systemctl', 'restart', 'serviceradar-agent');
}

/** Where it was started from may be somebody's home. @returns the command that runs the copy */
function copyProgram(): string[] {
  mkdirSync(LIBRARY, { recursive: true, mode: 0o755 });
  const own = isSea() ? process.execPath : resolve(process.argv[1]!);
  const copy = join(LIBRARY, basename(own));
  if (own !== copy) {
    // A program that runs cannot be written to.
    copyFileSync(own, `${copy}.new`);
    run('chmod', '0755', '--', `${copy}.new`);
    run('mv', '--', `${copy}.new`, copy);
  }
  return isSea() ? [copy] : [process.execPath, ...NODE_FLAGS, copy];
}

function run(command: string, ...args: string[]): void {
  try {
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString('utf8').trim();
    throw new AgentError(`${command} failed: ${said || sentenceOf(error)}`);
  }
}
