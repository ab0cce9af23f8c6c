import { readFileSync } from 'node:fs';
import { type PrincipalName, PRINCIPALS } from './world.js';

/** Status by principal. */
export type Expected = Record<PrincipalName, number>;

const cellsOf = (line: string) => line.split('|').slice(1, -1).map((cell) => cell.trim());

/**
 * The table of access-matrix.md, by `<operationId> <ids>`.
 * @throws Error when its columns are not the principals, or a cell is no status
 */
export function readMatrix(): Map<string, Expected> {
  const text = readFileSync(new URL('access-matrix.md', import.meta.url), 'utf8');
  const [head, , ...lines] = text.split('\n').filter((line) => line.startsWith('|'));
  const columns = cellsOf(head!).slice(2);
  if (columns.join() !== PRINCIPALS.join()) throw new Error(`access-matrix.md must have the columns ${PRINCIPALS.join(', ')}.`);
  const rows = lines.map((line) => {
    const [operationId, ids, ...statuses] = cellsOf(line);
    if (statuses.length !== columns.length || !statuses.every((status) => /^[2-5]\d\d$/.test(status))) throw new Error(`No row of the matrix: ${line}`);
    return [`${operationId} ${ids}`, Object.fromEntries(PRINCIPALS.map((name, at) => [name, Number(statuses[at])])) as Expected] as const;
  });
  if (new Set(rows.map(([name]) => name)).size < rows.length) throw new Error('access-matrix.md has a row twice.');
  return new Map(rows);
}
