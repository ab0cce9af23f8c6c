import { isName } from '#libs/kernel';

export const SETTINGS_MAX = 16;

const KEY = /^[a-z][a-z0-9_]{0,31}$/;

/** Whether it is a map of at most 16 settings, each with a value that could be a name. */
export function isSettings(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const settings = Object.entries(value);
  return settings.length <= SETTINGS_MAX && settings.every(([key, text]) => KEY.test(key) && typeof text === 'string' && isName(text));
}
