import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { codeOf } from '../agent-error.js';
import type { CheckConfig } from '../gateway/wire.js';

/** Where `setup.sh` has put what the leaf runs with. */
export interface InstalledFiles {
  /** `/etc/nats`, or below the prefix. */
  directory: string;
  /** Name of the file that lists the sums of the bundle's files. */
  checksums: string;
  /** Name of an installed file by its path in the bundle. */
  files: Readonly<Record<string, string>>;
}

/** Where they are without a prefix. */
const ETC = '/etc/nats';

const DEFAULT_FILES = { 'nats/nats-leaf.conf': 'nats-leaf.conf' };

/** What the check says of the files, or else what a bundle's are. */
export function installedFilesOf({ settings }: CheckConfig): InstalledFiles {
  const directory = settings.config_dir || ETC;
  return { directory, checksums: settings.checksums_file || 'SHA256SUMS', files: parsed(settings.config_files) ?? DEFAULT_FILES };
}

function parsed(json: string | undefined): Record<string, string> | undefined {
  try {
    const files = Object.entries(JSON.parse(json ?? 'null') as object).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    return Object.fromEntries(files.filter(([, name]) => !isAbsolute(name) && !name.split('/').includes('..')));
  } catch {
    return undefined;
  }
}

/**
 * The `config_checksum` of what the leaf runs with: the SHA-256 of the bundle's `SHA256SUMS` as it would be if it were made of the installed
 * files. As long as nobody has changed one, that is the bundle's own. A file that the agent may not read, such as a key, counts as it was installed.
 * @returns lower-case hex; null when nothing was installed there
 */
export async function configChecksum({ directory, checksums, files }: InstalledFiles): Promise<string | null> {
  const listed = await readFile(join(directory, checksums), 'utf8').catch(() => undefined);
  if (listed === undefined) return null;
  const real = await realpath(directory);
  const lines = await Promise.all(
    listed.split('\n').map(async (line) => {
      const path = line.slice(66);
      const name = Object.hasOwn(files, path) ? files[path] : undefined;
      const content = name === undefined ? undefined : await contentOf(join(directory, name));
      return content === undefined ? line : `${sha256(name!.endsWith('.conf') ? asInBundle(content, real) : content)}  ${path}`;
    }),
  );
  return sha256(lines.join('\n'));
}

/** What has been removed is as good as empty; undefined for what may not be read. */
const contentOf = (path: string): Promise<Buffer | undefined> => readFile(path).catch((error: unknown) => (codeOf(error) === 'ENOENT' ? Buffer.alloc(0) : undefined));

const PATH_LINE = /^( *(?:cert_file|key_file|ca_file|credentials|store_dir|dir|pid_file): ")(.*)("$)/;
const PREFIX_ONLY = /\nlogfile_size_limit: 10485760\n$/;

/** With `--prefix`, `setup.sh` has put the prefix before the paths of the configuration, and added a line. */
function asInBundle(content: Buffer, directory: string): Buffer | string {
  if (directory === ETC || !directory.endsWith(ETC)) return content;
  const root = directory.slice(0, -ETC.length);
  const quoted = root.replace(/[\\"]/g, '\\$&');
  const lines = content.toString('utf8').replace(PREFIX_ONLY, '\n').split('\n');
  return lines.map((line) => line.replace(PATH_LINE, (whole, before: string, path: string, after: string) => (path.startsWith(`${quoted}/`) ? before + path.slice(quoted.length) + after : whole))).join('\n');
}

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
