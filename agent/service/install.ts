import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isSea } from 'node:sea';
import { AgentError, sentenceOf } from '../agent-error.js';
import { writeAtomically } from '../atomic-file.js';
import { NODE_FLAGS, renderUnit, SERVICE_USER } from './unit.js';

const UNIT = '/etc/systemd/system/serviceradar-agent.service';
const LIBRARY = '/usr/local/lib/serviceradar-agent';
/** What the unit hides from the service: ProtectHome=, PrivateTmp=. */
const HIDDEN = /^\/(?:home|root|run\/user|tmp|var\/tmp)(?:\/|$)/;

/**
 * Asked before anything is done: a token is good for one download.
 * @param directories that it is to use, whether they are there or not
 * @throws AgentError when no service can be made of it here
 */
export function assertInstallable(directories: readonly string[]): void {
  if (process.getuid?.() !== 0) throw new AgentError('A service is installed by root: run it with sudo.');
  // sd_booted(3)
  if (!existsSync('/run/systemd/system')) {
    throw new AgentError('This machine does not run systemd. Leave --systemd out, and have what starts its services run serviceradar-agent run.');
  }
  const refuse = (path: string, instead: string) => new AgentError(`A service does not see ${path}: it is somebody's, or for a while. ${instead}`);
  const hidden = directories.map(realPath).find((path) => HIDDEN.test(path));
  if (hidden !== undefined) throw refuse(hidden, 'Take another directory.');
  if (!isSea() && HIDDEN.test(process.execPath)) throw refuse(process.execPath, 'Take a Node that all may run, or the agent as a program of its own.');
}

/** Where links lead, also of what is not there yet. */
function realPath(path: string): string {
  const absolute = resolve(path);
  return existsSync(absolute) ? realpathSync(absolute) : join(realPath(dirname(absolute)), basename(absolute));
}

/**
 * Makes the agent a service of this machine, and starts it: a user of its own, a copy of this program, a unit.
 * @param directory where it has enrolled; absolute
 * @throws AgentError when a command fails
 */
export function installService(directory: string): void {
  if (!isNamed('/etc/passwd', SERVICE_USER)) {
    run('useradd', '--system', '--user-group', '--home-dir', directory, '--no-create-home', '--shell', '/usr/sbin/nologin', SERVICE_USER);
  }
  handOver(directory);
  const groups = isNamed('/etc/group', 'nats') ? ['nats'] : [];
  writeAtomically(UNIT, renderUnit({ command: copyProgram(), directory, groups }), 0o644);
  run('systemctl', 'daemon-reload');
  run('systemctl', 'enable', '--quiet', 'serviceradar-agent');
  run('systemctl', 'restart', 'serviceradar-agent');
}

const isNamed = (file: string, name: string): boolean => readFileSync(file, 'utf8').split('\n').some((line) => line.startsWith(`${name}:`));

/** What else is in the directory stays whose it is. */
function handOver(directory: string): void {
  const owner = `${SERVICE_USER}:${SERVICE_USER}`;
  const own = ['certs', 'state', 'gateway.json'].map((name) => join(directory, name)).filter((path) => existsSync(path));
  run('chown', owner, '--', directory);
  run('chown', '--recursive', '--no-dereference', owner, '--', ...own);
}

/** Where it was started from may be somebody's home. @returns the command that runs the copy */
function copyProgram(): string[] {
  mkdirSync(LIBRARY, { recursive: true });
  const own = isSea() ? process.execPath : resolve(process.argv[1]!);
  const copy = join(LIBRARY, isSea() ? 'serviceradar-agent' : 'serviceradar-agent.cjs');
  if (own !== copy) {
    // A program that runs cannot be written to.
    copyFileSync(own, `${copy}.new`);
    run('chmod', '0755', '--', LIBRARY, `${copy}.new`);
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
