import { isIP } from 'node:net';
import { DomainError, type FieldError } from '#libs/kernel';
import { parseHostPort } from '#libs/nats';

/** Overrides that were checked: names that the type has, values of their kind. */
export type Overrides = Readonly<Record<string, string | number | boolean>>;

/** One thing that a person may set about a collector. Without `value` it is left to the collector unless somebody sets it. */
export type Setting =
  | { kind: 'address'; value?: string }
  | { kind: 'integer'; min: number; max: number; value?: number }
  | { kind: 'choice'; of: readonly string[]; value?: string }
  | { kind: 'flag'; value?: boolean }
  | { kind: 'time_zone'; value?: string }
  | { kind: 'image_tag'; value?: string };

const POINTER = '/config_overrides';
const MAX_BYTES = 8 * 1024;

/** A tag of an image (OCI Distribution Specification, "Pulling manifests"). */
const IMAGE_TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * Checks what somebody wants to be different from the defaults. Everything that is wrong is reported at once, with JSON pointers below
 * `/config_overrides`.
 *
 * @throws DomainError `validation_failed`
 */
export function checkSettings(settings: Readonly<Record<string, Setting>>, overrides: unknown): Overrides {
  if (overrides === undefined) return {};
  if (typeof overrides !== 'object' || overrides === null || Array.isArray(overrides)) {
    throw invalid([{ pointer: POINTER, code: 'is_object', detail: 'config_overrides is an object of names and values.' }]);
  }
  if (Buffer.byteLength(JSON.stringify(overrides)) > MAX_BYTES) {
    throw invalid([{ pointer: POINTER, code: 'too_large', detail: `config_overrides has more than ${MAX_BYTES} bytes as JSON.` }]);
  }
  const entries = Object.entries(overrides);
  const errors = entries.flatMap(([name, value]): FieldError[] => {
    const refusal = refuse(settings, name, value);
    return refusal === undefined ? [] : [{ pointer: `${POINTER}/${escapePointer(name)}`, ...refusal }];
  });
  if (errors.length > 0) throw invalid(errors);
  return Object.fromEntries(entries) as Overrides;
}

/** Each setting's own value, or the one that takes its place. */
export function settingValues(settings: Readonly<Record<string, Setting>>, overrides: Overrides): Overrides {
  const values = Object.entries(settings).map(([name, { value }]) => [name, Object.hasOwn(overrides, name) ? overrides[name] : value] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Overrides;
}

function refuse(settings: Readonly<Record<string, Setting>>, name: string, value: unknown): Omit<FieldError, 'pointer'> | undefined {
  if (!Object.hasOwn(settings, name)) {
    const known = Object.keys(settings).join(', ');
    return { code: 'unknown_field', detail: `This type of collector has no override ${JSON.stringify(name)}. It has ${known}.` };
  }
  const setting = settings[name]!;
  return isValue(setting, value) ? undefined : { code: 'invalid', detail: `${name} is ${describe(setting)}.` };
}

function isValue(setting: Setting, value: unknown): boolean {
  switch (setting.kind) {
    case 'address':
      return typeof value === 'string' && isListenAddress(value);
    case 'integer':
      return Number.isInteger(value) && (value as number) >= setting.min && (value as number) <= setting.max;
    case 'choice':
      return typeof value === 'string' && setting.of.includes(value);
    case 'flag':
      return typeof value === 'boolean';
    case 'time_zone':
      return typeof value === 'string' && (value === 'local' || isTimeZone(value));
    case 'image_tag':
      return typeof value === 'string' && IMAGE_TAG.test(value);
  }
}

function describe(setting: Setting): string {
  switch (setting.kind) {
    case 'address':
      return 'an IP address and a port, such as 0.0.0.0:514 or [::]:514';
    case 'integer':
      return `a whole number from ${setting.min} to ${setting.max}`;
    case 'choice':
      return `one of ${setting.of.join(', ')}`;
    case 'flag':
      return 'true or false';
    case 'time_zone':
      return '"local" or a time zone such as Europe/Berlin';
    case 'image_tag':
      return 'the tag of an image';
  }
}

/** Collectors bind what they are told: a host name would have to be resolved first. */
function isListenAddress(text: string): boolean {
  try {
    return isIP(parseHostPort(text).host) !== 0;
  } catch {
    return false;
  }
}

function isTimeZone(text: string): boolean {
  // Intl takes offsets such as +01:00, too; those are no names.
  if (!/^[A-Za-z]/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** RFC 6901, section 3. */
const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

const invalid = (errors: FieldError[]): DomainError =>
  new DomainError('validation_failed', 'Some overrides cannot be used for this type of collector.', { errors });
