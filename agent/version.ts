import { AgentError } from './agent-error.js';

/** The build puts the version of the package here. */
declare const AGENT_VERSION: string | undefined;

export const VERSION = typeof AGENT_VERSION === 'string' ? AGENT_VERSION : '0.0.0-source';

/**
 * Earlier ones do not notice that a gateway is gone, or lack what the agent needs; the same as `engines` of package.json.
 * @param node as `process.versions.node`
 * @throws AgentError
 */
export function assertNode(node: string): void {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const isNew = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
  if (!isNew) throw new AgentError(`Node 20.19 or 22.12, or newer, is needed; this is ${node}. The agent as a program of its own needs none.`);
}
