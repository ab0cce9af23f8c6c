import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Client } from 'pg';
import { processesOf } from '../../lab/processes.js';
import type { Searched } from './canaries.js';

/** Every row of every table of the database, whichever schema it is in, as a dump would have it. */
export async function rowsOf(superuser: Client): Promise<Searched[]> {
  const { rows: tables } = await superuser.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const searched: Searched[] = [];
  for (const { name } of tables) {
    const { rows } = await superuser.query<{ text: string }>(`select row_to_json(one)::text as text from ${name} one`);
    searched.push({ where: `table ${name}`, text: rows.map(({ text }) => text).join('\n') });
  }
  return searched;
}

/** Command lines of all processes of a directory; and environments, but of those that are meant to have secrets there. */
export function processesIn(directory: string, trusted: readonly number[]): Searched[] {
  return processesOf(directory).flatMap(({ pid, command }) => [
    { where: `command line of ${command.slice(0, 60)}`, text: command },
    ...(trusted.includes(pid) ? [] : [{ where: `environment of ${command.slice(0, 60)}`, text: readIfThere(`/proc/${pid}/environ`) }]),
  ]);
}

/** Files that others than their owner may read, and all whose names say that they are logs. */
export function filesIn(directory: string): Searched[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .flatMap((path) => {
      const mode = modeOf(path);
      const open = (mode & 0o077) !== 0;
      if (!open && !path.endsWith('.log')) return [];
      return [{ where: `file ${relative(directory, path)} (${(mode & 0o777).toString(8)})`, text: readIfThere(path) }];
    });
}

const modeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mode ?? 0;

/** Files and processes come and go while we look. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
