import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** What shellcheck says about the script, every finding of every severity; empty when it has none. */
export function shellcheck(script: string): string {
  const fetched = resolve('.cache/bin/shellcheck');
  const run = spawnSync(existsSync(fetched) ? fetched : 'shellcheck', ['--shell=sh', '--severity=style', '-'], { input: script, encoding: 'utf8' });
  if (run.error) throw new Error('shellcheck is missing: run "npm test", which fetches it, or install it with the system’s packages.', { cause: run.error });
  return run.stdout + run.stderr;
}
