import { existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AgentError } from '../agent-error.js';
import { writeAtomically } from '../atomic-file.js';
import { GATEWAY_FILE, parseGatewayFile, readGatewayFile } from '../identity/gateway-file.js';
import { assertIdentity } from '../identity/identity.js';
import type { PackageFiles } from './package-files.js';

export interface EnrolmentTerms {
  /** Takes what the agent is to have; made when it is not there. */
  directory: string;
  /** Where the leaf's files are, if not in `/etc/nats`. */
  leafDirectory?: string;
  /** Whether another agent that is there is to go. */
  replace: boolean;
}

/**
 * Puts the files of an onboarding package where the agent finds them, for its user only.
 * @returns the component's id and the gateway's address
 * @throws AgentError when the package cannot be used, or another agent is there
 */
export function enrol(files: PackageFiles, { directory, leafDirectory, replace }: EnrolmentTerms): { componentId: string; address: string } {
  const fields = parseGatewayFile(files.gatewayJson, 'config/gateway.json of the package');
  const componentId = fields.component_id!;
  assertIdentity(files, 'The onboarding package');
  const before = componentAt(directory);
  if (before !== undefined && before !== componentId) {
    if (!replace) throw new AgentError(`${directory} is that of the agent "${before}", and the package is for "${componentId}". Take another --dir, or --replace it.`);
    rmSync(join(directory, 'state'), { recursive: true, force: true });
  }
  mkdirSync(dirname(directory), { recursive: true });
  const certificates = join(directory, 'certs');
  // Root enrols again in what is its service's user's by then.
  if (lstatSync(certificates, { throwIfNoEntry: false })?.isSymbolicLink()) throw new AgentError(`${certificates} is a link, and what it leads to may be somebody's. Remove it.`);
  mkdirSync(certificates, { recursive: true, mode: 0o700 });
  const at = { cert_file: 'certs/component.pem', key_file: 'certs/component-key.pem', ca_file: 'certs/ca-chain.pem' };
  writeAtomically(join(directory, at.key_file), files.keyPem);
  writeAtomically(join(directory, at.cert_file), files.certificatePem);
  writeAtomically(join(directory, at.ca_file), files.caChainPem);
  const configuration = { ...fields, ...at, ...(leafDirectory !== undefined && { leaf_config_dir: leafDirectory }) };
  writeAtomically(join(directory, GATEWAY_FILE), `${JSON.stringify(configuration, null, 2)}\n`);
  return { componentId, address: fields.gateway_address! };
}

function componentAt(directory: string): string | undefined {
  if (!existsSync(join(directory, GATEWAY_FILE))) return undefined;
  try {
    return readGatewayFile(directory).componentId;
  } catch {
    return undefined;
  }
}
