/** Deeper than any input of this API, shallow enough for every recursion that follows. */
export const MAX_DEPTH = 16;

/** Whether objects and arrays are nested in each other more than so many times. It goes down no further than that. */
export function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => isDeeper(inner, depth - 1));
}
