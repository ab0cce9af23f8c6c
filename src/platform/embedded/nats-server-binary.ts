import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { DomainError } from '#libs/kernel';

export interface NatsServerBinary {
  /** Absolute. */
  path: string;
  /** As `2.10.27`. */
  version: string;
}

export interface NatsServerSearch {
  /** `NATS_SERVER` and `PATH` are looked at. */
  env: Readonly<Record<string, string | undefined>>;
  /** Where scripts/nats-server.sh puts what it fetches; by default `.cache` in the working directory. */
  cacheDirectory?: string;
}

/** The versions that the generated configurations are tested with start here. */
const OLDEST = { major: 2, minor: 10 };

/**
 * The nats-server to run as the embedded hub: `NATS_SERVER`, else the fetched one, else the first on the `PATH` that is new enough.
 *
 * @throws DomainError invalid_configuration if there is none, or `NATS_SERVER` names none that is 2.10 or newer
 */
export async function findNatsServer({ env, cacheDirectory = '.cache' }: NatsServerSearch): Promise<NatsServerBinary> {
  const named = env['NATS_SERVER'];
  if (named !== undefined && named !== '') {
    const version = await versionOf(resolve(named));
    if (version === undefined) throw refusal(`NATS_SERVER=${named} is no nats-server that runs here.`);
    if (!isSupported(version)) throw refusal(`NATS_SERVER=${named} is version ${version}; 2.10 or newer is needed.`);
    return { path: resolve(named), version };
  }
  const onPath = (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '').map((directory) => join(directory, 'nats-server'));
  const tooOld: string[] = [];
  for (const candidate of [join(cacheDirectory, 'nats-server/latest/usr/sbin/nats-server'), ...onPath]) {
    const path = resolve(candidate);
    const version = await versionOf(path);
    if (version !== undefined && isSupported(version)) return { path, version };
    if (version !== undefined) tooOld.push(`${path} is version ${version}`);
  }
  throw refusal(
    `No nats-server 2.10 or newer was found${tooOld.map((found) => `; ${found}`).join('')}. ` +
      'Run scripts/nats-server.sh, set NATS_SERVER to the path of one, or NATS_URL to use a hub that runs elsewhere.',
  );
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.X_OK);
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 5_000, env: {} });
    return /^nats-server: v(\d+\.\d+\.\S+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor);
}

const refusal = (message: string): DomainError => new DomainError('invalid_configuration', message);
