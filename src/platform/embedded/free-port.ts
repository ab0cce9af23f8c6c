import { createServer } from 'node:net';

const LOOPBACK = '127.0.0.1';

function listen(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : port));
    });
  });
}

/** A TCP port of 127.0.0.1 that nothing listened on a moment ago. Whoever binds it must expect that it has been taken since. */
export const freePort = (): Promise<number> => listen(0);

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
