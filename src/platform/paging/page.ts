import { decodeCursor, encodeCursor } from './cursor.js';
import type { PageQuery } from './page-query.dto.js';

/** One page of a list, newest first: ids are UUIDv7, which sort by time. */
export interface Page<T> {
  data: T[];
  /** Give it as `cursor` to get the next page; null on the last one. */
  next_cursor: string | null;
}

/** The condition of the page that a query asks for, on a list ordered by `id` descending. */
export function after({ cursor }: Pick<PageQuery, 'cursor'>): { id?: { $lt: string } } {
  const id = cursor === undefined ? undefined : decodeCursor(cursor);
  return id === undefined ? {} : { id: { $lt: id } };
}

/** @param rows the first `limit + 1` rows of the page: whether there is one too many tells whether there is a next page */
export function pageOf<T extends { id: string }>(rows: readonly T[], limit: number): Page<T> {
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  return { data, next_cursor: rows.length > limit && last !== undefined ? encodeCursor(last.id) : null };
}
