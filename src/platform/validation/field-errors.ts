import type { ValidationError } from 'class-validator';
import type { FieldError } from '#libs/kernel';
import { pointerTo } from './pointer.js';

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What class-validator found, as flat errors: one per broken rule, but a single `required` for a field that is not there. */
export function fieldErrors(found: readonly ValidationError[], path: readonly string[] = []): FieldError[] {
  return found.flatMap(({ property, value, constraints = {}, children = [] }) => {
    const here = [...path, property];
    const pointer = pointerTo(here);
    const own = Object.entries(constraints).map(([name, detail]) =>
      name === 'whitelistValidation'
        ? { pointer, code: 'unknown_field', detail: `there is no field ${property}` }
        : { pointer, code: snakeCase(name), detail },
    );
    const isMissing = value === undefined && own.some(({ code }) => code !== 'unknown_field');
    return [
      ...(isMissing ? [{ pointer, code: 'required', detail: `${property} is required` }] : own),
      ...fieldErrors(children, here),
    ];
  });
}
