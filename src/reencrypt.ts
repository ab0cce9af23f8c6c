import 'reflect-metadata';
import { DomainError, systemRandom } from '#libs/kernel';
import { type Config, parseConfig } from './platform/config/index.js';
import { connect, Database } from './platform/database/index.js';
import { encryptionKeys, KeyRing, Reencryption } from './platform/encryption/index.js';
import { withDatabase } from './with-database.js';

const USAGE = `Re-encrypts everything in the database under the first key of ENCRYPTION_KEYS, bound to its tenant, while the service runs.

usage: npm run keys:reencrypt

It can be broken off and run again. Exit status 0 says that nothing is left under another key or in an earlier format, 1 that something is, or
that it failed.

Environment: as for npm start; it needs the database (DATABASE_URL, or DATA_DIR for the embedded one) and all keys in use.
`;

const say = (line: string) => process.stdout.write(`${line}\n`);

try {
  if (process.argv.length > 2) process.stdout.write(USAGE);
  else if (!(await reencrypt(parseConfig(process.env)))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(error instanceof DomainError ? `${error.message}\n` : `${(error as Error).stack}\n`);
  process.exitCode = 1;
}

/** @returns whether nothing is left under another key than the first, or in an earlier format */
function reencrypt(config: Config): Promise<boolean> {
  const keys = encryptionKeys(config);
  return withDatabase(config, async ({ serviceUrl }) => {
    const connections = await connect(serviceUrl);
    try {
      const keyRing = new KeyRing(keys, systemRandom);
      return await run(new Reencryption(new Database(connections), keyRing), keyRing.writingHead, keys[0]!.id);
    } finally {
      await connections.close();
    }
  });
}

async function run(reencryption: Reencryption, writingHead: string, keyId: string): Promise<boolean> {
  const columns = reencryption.columns();
  for (const column of columns) {
    const replaced = await reencryption.run(column);
    if (replaced > 0) say(`${column.table}.${column.column}: ${replaced} re-encrypted under "${keyId}"`);
  }
  const uses = (await Promise.all(columns.map((column) => reencryption.uses(column)))).flat();
  const totals = new Map<string, number>();
  for (const { keyId: id, count } of uses) totals.set(id, (totals.get(id) ?? 0) + count);
  for (const [id, count] of totals) say(`Under "${id}": ${count}`);
  const left = uses.filter((use) => `${use.format}:${use.keyId}:` !== writingHead);
  for (const { table, column, format, keyId: id, count } of left) say(`${table}.${column}: ${count} left under "${id}" in format ${format}`);
  say(
    left.length === 0
      ? `Everything is encrypted under "${keyId}" and bound to its tenant. Once no process has another key in front of it, the others can be removed.`
      : `A process still writes with another key, or is of an earlier version. Put "${keyId}" in front of ENCRYPTION_KEYS everywhere, restart, and run this again.`,
  );
  return left.length === 0;
}
