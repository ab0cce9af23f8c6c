import { isId } from '#libs/kernel';

/** The opaque text that stands for "after the row of this id". */
export const encodeCursor = (id: string): string => Buffer.from(JSON.stringify([id])).toString('base64url');

/** @returns the id; undefined when the text is not exactly what `encodeCursor` makes */
export function decodeCursor(cursor: string): string | undefined {
  const id = /^\["([0-9a-f-]{36})"\]$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1];
  return id !== undefined && isId(id) && encodeCursor(id) === cursor ? id : undefined;
}
