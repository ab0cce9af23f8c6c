import type { FieldError } from '#libs/kernel';
import { MAX_DEPTH } from './depth.js';
import { pointerTo } from './pointer.js';

/**
 * Finds what class-validator does not see: keys that plain objects inherit (`__proto__`, `constructor`, `hasOwnProperty`…),
 * which its whitelist takes for known fields, and nesting so deep that looking through it would overflow the stack.
 */
export function foreignKeys(value: unknown, path: readonly string[] = []): FieldError[] {
  if (typeof value !== 'object' || value === null) return [];
  if (path.length >= MAX_DEPTH) {
    return [{ pointer: pointerTo(path), code: 'too_deep', detail: `objects may be nested ${MAX_DEPTH} deep` }];
  }
  return Object.keys(value).flatMap((key) => {
    const here = [...path, key];
    if (key in Object.prototype) {
      return [{ pointer: pointerTo(here), code: 'unknown_field', detail: `the key ${key} is not allowed` }];
    }
    return foreignKeys((value as Record<string, unknown>)[key], here);
  });
}
