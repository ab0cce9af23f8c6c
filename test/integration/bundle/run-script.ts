import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface Outcome {
  /** Null when a signal ended it. */
  status: number | null;
  stdout: string;
  stderr: string;
}

interface ScriptOptions {
  cwd: string;
  /** What runs the script, before its path. */
  shell?: readonly string[];
  /** Added to this process's. */
  env?: NodeJS.ProcessEnv;
  onOutput?: (chunk: Buffer, child: ChildProcess) => void;
}

/** Runs a script of a bundle to its end. */
export async function runScript(path: string, args: readonly string[], { cwd, shell = ['sh'], env = {}, onOutput }: ScriptOptions): Promise<Outcome> {
  const [command, ...rest] = [...shell, path, ...args];
  const child = spawn(command!, rest, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  if (onOutput) child.stdout.on('data', (chunk: Buffer) => onOutput(chunk, child));
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit') as Promise<[number | null]>]);
  return { status, stdout, stderr };
}
