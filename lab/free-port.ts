import { randomInt } from 'node:crypto';
import { lockName } from '../src/platform/embedded/directory-lock.js';
import { isPortFree } from '../src/platform/embedded/free-port.js';

/**
 * Below what Linux hands to connections, and to servers that ask for any port (`ip_local_port_range`, ip(7)): a port from there may
 * be taken by either before the one that it was found for binds it.
 */
const FIRST = 20_000;
const LAST = 31_999;

/** A TCP port of 127.0.0.1 that nothing listens on, and that no other process of a laboratory is given until this one ends. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST + 1);
    if ((await lockName(`port/${port}`)) !== undefined && (await isPortFree(port))) return port;
  }
}
