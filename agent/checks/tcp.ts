import { once } from 'node:events';
import { connect } from 'node:net';
import { AgentError } from '../agent-error.js';
import type { CheckConfig } from '../gateway/wire.js';
import type { Checker } from './checker.js';

/** Whether something accepts connections at `target` and `port`. */
export const tcp: Checker = async (check, { signal }) => {
  const socket = connect({ ...endpointOf(check), signal });
  try {
    await once(socket, 'connect', { signal });
    return { available: true, details: { address: socket.remoteAddress, port: socket.remotePort } };
  } finally {
    socket.destroy();
  }
};

/** @throws AgentError when the check does not say both */
export function endpointOf({ target, port }: CheckConfig): { host: string; port: number } {
  if (target === '' || port < 1 || port > 65_535) throw new AgentError(`The check has no host and port: its target is ${JSON.stringify(target)}, its port ${port}.`);
  return { host: target, port };
}

/** As it stands before a port. */
export const bracketed = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);
