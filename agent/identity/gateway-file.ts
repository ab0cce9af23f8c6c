import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AgentError, codeOf, sentenceOf } from '../agent-error.js';

export const GATEWAY_FILE = 'gateway.json';

/** What the file `gateway.json` of an onboarding package says, with all paths absolute. */
export interface GatewayFile {
  /** The agent's own id, unique in its site. */
  componentId: string;
  /** `host:port`. */
  address: string;
  /** The name that the gateway's certificate is checked for. */
  serverName: string;
  certFile: string;
  keyFile: string;
  caFile: string;
  /** Where the agent keeps what it has to remember. */
  stateDirectory: string;
  /** Where the leaf's files are, if not where the gateway thinks; with `setup.sh --prefix`. */
  leafDirectory?: string;
}

/**
 * Reads it.
 * @param given the file, or the directory that it is in
 * @throws AgentError that says what is missing
 */
export function readGatewayFile(given: string): GatewayFile {
  const path = isDirectory(given) ? join(given, GATEWAY_FILE) : resolve(given);
  const fields = parseGatewayFile(readText(path), path);
  const directory = dirname(resolve(path));
  const at = (name: string) => resolve(directory, fields[name]!);
  return {
    componentId: fields.component_id!,
    address: fields.gateway_address!,
    serverName: fields.server_name!,
    certFile: at('cert_file'),
    keyFile: at('key_file'),
    caFile: at('ca_file'),
    stateDirectory: resolve(directory, fields.state_dir ?? 'state'),
    ...(fields.leaf_config_dir !== undefined && { leafDirectory: resolve(directory, fields.leaf_config_dir) }),
  };
}

const REQUIRED = ['component_id', 'gateway_address', 'server_name', 'cert_file', 'key_file', 'ca_file'];

/**
 * The texts in it, by name.
 * @param path for the sentence when it cannot be used
 * @throws AgentError
 */
export function parseGatewayFile(text: string, path: string): Record<string, string | undefined> {
  let fields: Record<string, unknown>;
  try {
    fields = Object(JSON.parse(text)) as Record<string, unknown>;
  } catch (error) {
    throw new AgentError(`${path} is not JSON: ${sentenceOf(error)} Enrol again, or put the file of the onboarding package back.`);
  }
  const missing = REQUIRED.filter((name) => typeof fields[name] !== 'string' || fields[name] === '');
  if (missing.length > 0) throw new AgentError(`${path} does not say ${missing.join(', ')}. It comes with an onboarding package, as config/gateway.json.`);
  const { component_type: type = 'agent', gateway_address: address } = fields;
  if (type !== 'agent') throw new AgentError(`${path} is that of a component of the type ${JSON.stringify(type)}. This program is an agent: issue a package of the type "agent".`);
  if (!/^(?:\[[^\]]+\]|[^:]+):\d{1,5}$/.test(String(address))) throw new AgentError(`${path} says gateway_address ${JSON.stringify(address)}, which is not host:port.`);
  return Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])));
}

/** @throws AgentError that says why it cannot be read */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const hint = codeOf(error) === 'ENOENT' ? 'It is not there: enrol first (serviceradar-agent enrol --help).' : `The agent runs as another user than it was enrolled by? (${sentenceOf(error)})`;
    throw new AgentError(`${path} cannot be read. ${hint}`, { cause: error });
  }
}

const isDirectory = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();
