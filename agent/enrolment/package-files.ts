import { createHash } from 'node:crypto';
import { Parser, type ReadEntry } from 'tar';
import { AgentError } from '../agent-error.js';

/** What an agent needs of its onboarding package. */
export interface PackageFiles {
  certificatePem: string;
  keyPem: string;
  caChainPem: string;
  /** The text of `config/gateway.json`. */
  gatewayJson: string;
}

/** Bytes: a package holds a few certificates. */
const LARGEST_FILE = 256 * 1024;

/**
 * Takes the archive of an onboarding package apart, and holds its files against its checksums.
 * @param archive tar.gz
 * @throws AgentError when it is none, or is damaged
 */
export async function readPackage(archive: Buffer): Promise<PackageFiles> {
  const files = await unpack(archive);
  const sums = files.get('SHA256SUMS')?.toString('utf8');
  if (sums === undefined) throw new AgentError('This is not an onboarding package: it has no SHA256SUMS. Download it anew, and give the tar.gz as it is.');
  for (const [path, content] of files) {
    if (path === 'SHA256SUMS') continue;
    const sum = createHash('sha256').update(content).digest('hex');
    if (!sums.split('\n').includes(`${sum}  ${path}`)) throw new AgentError(`The package is damaged: ${path} is not as SHA256SUMS says. Download it anew.`);
  }
  const text = (path: string) => {
    const content = files.get(path);
    if (content === undefined) throw new AgentError(`This is not the onboarding package of an agent: it has no ${path}.`);
    return content.toString('utf8');
  };
  return { certificatePem: text('certs/component.pem'), keyPem: text('certs/component-key.pem'), caChainPem: text('certs/ca-chain.pem'), gatewayJson: text('config/gateway.json') };
}

/** The files by their paths below the top folder. */
function unpack(archive: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const broken = () => new AgentError('This is not an archive of the kind tar.gz, or is not whole. Download it anew.');
  return new Promise((resolve, reject) => {
    const parser = new Parser({ strict: true });
    parser.on('entry', (entry: ReadEntry) => {
      const chunks: Buffer[] = [];
      if (entry.type !== 'File' || entry.size > LARGEST_FILE) return entry.resume();
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () => files.set(entry.path.replace(/^[^/]*\//, ''), Buffer.concat(chunks)));
    });
    parser.on('error', () => reject(broken()));
    parser.on('end', () => resolve(files));
    parser.end(archive);
  });
}
