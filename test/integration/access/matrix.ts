import { readFileSync } from 'node:fs';
import { type PrincipalName, TABLES } from './world.js';

/** Status by principal. */
export type Expected = Record<PrincipalName, number>;

const cellsOf = (line: string) => line.split('|').slice(1, -1).map((cell) => cell.trim());

/**
 * The tables side by side, by `<operationId> <ids>`.
 * @throws Error when the columns of one are not its principals, a cell is no status, or they have not the same rows
 */
export function readMatrix(): Map<string, Expected> {
  const [first, ...others] = Object.entries(TABLES).map(([file, principals]) => readTable(file, principals));
  const names = [...first!.keys()].sort().join();
  if (others.some((other) => [...other.keys()].sort().join() !== names)) throw new Error(`${Object.keys(TABLES).join(' and ')} must have the same rows.`);
  return new Map([...first!].map(([name, expected]) => [name, Object.assign({}, expected, ...others.map((other) => other.get(name))) as Expected]));
}

function readTable(file: string, principals: readonly PrincipalName[]): Map<string, Partial<Expected>> {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  const [head, , ...lines] = text.split('\n').filter((line) => line.startsWith('|'));
  const columns = cellsOf(head!).slice(2);
  if (columns.join() !== principals.join()) throw new Error(`${file} must have the columns ${principals.join(', ')}.`);
  const rows = lines.map((line) => {
    const [operationId, ids, ...statuses] = cellsOf(line);
    if (statuses.length !== columns.length || !statuses.every((status) => /^[2-5]\d\d$/.test(status))) throw new Error(`No row of ${file}: ${line}`);
    return [`${operationId} ${ids}`, Object.fromEntries(principals.map((name, at) => [name, Number(statuses[at])])) as Partial<Expected>] as const;
  });
  if (new Set(rows.map(([name]) => name)).size < rows.length) throw new Error(`${file} has a row twice.`);
  return new Map(rows);
}
