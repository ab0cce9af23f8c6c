import { doOnce } from './checks/do-once.js';
import type { Clock } from './clock.js';
import { ConfigurationStore, onThisMachine } from './configuration/configuration.js';
import type { ServiceStatus } from './gateway/wire.js';
import { readGatewayFile } from './identity/gateway-file.js';
import { table } from './table.js';

/**
 * Does all checks once that the agent knows of.
 * @returns a table of what was found, and whether all is available
 * @throws AgentError when the agent has not enrolled
 */
export async function checkOnce(config: string, clock: Clock): Promise<{ text: string; isWell: boolean }> {
  const { stateDirectory, leafDirectory } = readGatewayFile(config);
  const checks = new ConfigurationStore(stateDirectory).load().checks.filter(({ enabled }) => enabled);
  const never = new AbortController().signal;
  const statuses = await Promise.all(checks.map((check) => doOnce(onThisMachine(check, leafDirectory), clock, never)));
  const rows = statuses.map((one) => [one.service_name, one.service_type, one.available ? 'available' : 'NOT AVAILABLE', `${Math.round(one.response_time / 1e6)} ms`, summaryOf(one)]);
  return { text: table([['service', 'type', 'is', 'took', 'found'], ...rows]), isWell: statuses.every(({ available }) => available) };
}

/** The error, or what was found that is one value. */
function summaryOf({ message }: ServiceStatus): string {
  const details = JSON.parse(message.toString('utf8')) as Record<string, unknown>;
  if (typeof details.error === 'string') return details.error;
  const plain = Object.entries(details).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
  return plain.map(([name, value]) => `${name}=${String(value)}`).join(' ');
}
