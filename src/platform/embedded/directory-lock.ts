import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:net';

export interface Lock {
  release(): Promise<void>;
}

/** Claims a directory for a purpose, so that of several processes one leads. Undefined when another process has it. */
export function lockDirectory(directory: string, purpose: string): Promise<Lock | undefined> {
  const digest = createHash('sha256').update(realpathSync(directory)).digest('hex').slice(0, 32);
  return lockName(`${purpose}/${digest}`);
}

/**
 * Claims a name on this machine. Undefined when somebody has it.
 *
 * The claim is a listening socket in Linux' abstract namespace (unix(7)): the kernel lets one process have the name and
 * frees it when that process ends in whatever way, so there is never a stale lock to judge.
 */
export function lockName(name: string): Promise<Lock | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0serviceradar-edge/${name}`, () => {
      resolve({ release: () => new Promise((released) => server.close(() => released())) });
    });
  });
}
