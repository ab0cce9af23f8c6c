import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const LOOPBACK = '127.0.0.1';

function listen(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => server.close(() => resolve()));
  });
}

/**
 * Below what systems hand to connections (`ip_local_port_range`, ip(7)): from there, a port that a server keeps for good would now and then be
 * somebody's connection when the server starts again.
 */
const FIRST = 10_000;
const LAST = 19_999;

/** A TCP port of 127.0.0.1 that nothing listened on a moment ago. Whoever binds it must expect that it has been taken since. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isPortFree(port)) return port;
  }
}

/** Whether a TCP port of 127.0.0.1 could be bound now. */
export async function isPortFree(port: number): Promise<boolean> {
  try {
    await listen(port);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
}
