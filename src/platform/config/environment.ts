import { isIP } from 'node:net';
import { DomainError, type FieldError } from '#libs/kernel';
import { isHost } from '../validation/index.js';
import type { ConfigVariableName } from './variables.js';

/** Thrown by a format for a value that it refuses; ends the sentence that starts with the variable's name. */
export class Refusal extends Error {}

/** Turns a variable's text into its value, or throws a `Refusal` that never repeats a secret. */
export type Format<T> = (text: string) => T;

/** Reads variables and notes every one that is wrong, so that all of them are reported together. */
export class Environment {
  readonly #problems: FieldError[] = [];

  constructor(private readonly variables: Readonly<Record<string, string | undefined>>) {}

  /** @returns undefined when the variable is absent, empty or refused */
  read<T>(name: ConfigVariableName, format: Format<T>): T | undefined {
    const text = this.variables[name]?.trim();
    if (text === undefined || text === '') return undefined;
    try {
      return format(text);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.refuse(name, error.message);
      return undefined;
    }
  }

  has(name: ConfigVariableName): boolean {
    return Boolean(this.variables[name]?.trim());
  }

  refuse(name: ConfigVariableName, problem: string): void {
    this.#problems.push({ pointer: `/${name}`, code: 'invalid', detail: `${name} ${problem}.` });
  }

  /** @throws DomainError `invalid_configuration` that names every variable refused so far */
  assertAccepted(): void {
    if (this.#problems.length === 0) return;
    const message = `The configuration is refused. ${this.#problems.map(({ detail }) => detail).join(' ')}`;
    throw new DomainError('invalid_configuration', message, { errors: this.#problems });
  }
}

/** A value shown in a sentence: quoted, control characters escaped, cut where it is long. */
const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

export const port: Format<number> = (text) => {
  const number = Number(text);
  if (!/^\d{1,5}$/.test(text) || number > 65_535) throw new Refusal(`must be a port from 0 to 65535, not ${shown(text)}`);
  return number;
};

export const wholeNumber =
  (least: number, most: number): Format<number> =>
  (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least || number > most) throw new Refusal(`must be a number from ${least} to ${most}, not ${shown(text)}`);
    return number;
  };

export const oneOf =
  <T extends string>(values: readonly T[]): Format<T> =>
  (text) => {
    const value = values.find((one) => one === text);
    if (value === undefined) throw new Refusal(`must be one of ${values.join(', ')}, not ${shown(text)}`);
    return value;
  };

export const setOf =
  <T extends string>(values: readonly T[]): Format<readonly T[]> =>
  (text) => {
    const members = text.split(',').map((member) => oneOf(values)(member.trim()));
    if (new Set(members).size < members.length) throw new Refusal('names something twice');
    return members;
  };

export const path: Format<string> = (text) => {
  if (/\p{Cc}/u.test(text)) throw new Refusal('must be a path without control characters');
  return text;
};

export const host: Format<string> = (text) => {
  if (!isHost(text)) throw new Refusal(`must be an IP address or a host name, not ${shown(text)}`);
  return text;
};

/** A URL of one of the schemes, with a host. The value may hold a password, so refusals don't repeat it. */
export const url =
  (...schemes: string[]): Format<URL> =>
  (text) => {
    const parsed = URL.canParse(text) ? new URL(text) : undefined;
    const scheme = parsed?.protocol.slice(0, -1);
    if (parsed === undefined || scheme === undefined || !schemes.includes(scheme) || parsed.hostname === '') {
      throw new Refusal(`must be a URL with a host that starts with ${schemes.map((one) => `${one}://`).join(' or ')}`);
    }
    return parsed;
  };

/** A URL of a scheme, a host and perhaps a port, nothing else. */
export const address =
  (...schemes: string[]): Format<string> =>
  (text) => {
    const parsed = url(...schemes)(text);
    const { username, password, pathname, search, hash } = parsed;
    if (username || password) throw new Refusal('must hold no user name or password');
    if ((pathname !== '' && pathname !== '/') || search || hash) throw new Refusal('must hold no path, query or fragment');
    return `${parsed.protocol}//${parsed.host}`;
  };

/** Addresses and networks in CIDR notation (RFC 4632), separated by commas. */
export const networks: Format<readonly string[]> = (text) =>
  text.split(',').map((entry) => {
    const [address = '', prefix] = entry.trim().split('/');
    const bits = ({ 4: 32, 6: 128 } as Record<number, number>)[isIP(address)];
    const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (bits ?? 0));
    if (bits === undefined || !isPrefix) throw new Refusal(`must be addresses or networks such as 10.0.0.0/8, not ${shown(entry.trim())}`);
    return entry.trim();
  });
