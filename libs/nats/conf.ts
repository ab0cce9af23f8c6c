import { DomainError } from '#libs/kernel';

/** A length of time in a configuration; `duration` makes one. */
export class Duration {
  constructor(readonly milliseconds: number) {}
}

/** A number of bytes in a configuration; `size` makes one. */
export class Size {
  constructor(readonly bytes: number) {}
}

/** What can stand in a nats-server configuration. Entries that are undefined are left out. */
export type ConfValue = string | number | boolean | Duration | Size | readonly ConfValue[] | ConfMap;

export interface ConfMap {
  readonly [key: string]: ConfValue | undefined;
}

/** @throws DomainError `invalid_configuration` unless it is a whole, positive number of milliseconds. */
export function duration(milliseconds: number): Duration {
  if (!Number.isSafeInteger(milliseconds) || milliseconds <= 0) throw invalid(`A duration cannot be ${milliseconds} ms.`);
  return new Duration(milliseconds);
}

/** @throws DomainError `invalid_configuration` unless it is a whole, positive number of bytes. */
export function size(bytes: number): Size {
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw invalid(`A size cannot be ${bytes} bytes.`);
  return new Size(bytes);
}

// Keys are constants of this code or public keys. The server's lexer knows no escapes in a key, quoted or not.
const KEY = /^[A-Za-z][A-Za-z0-9_]*$/;
// Cc: control characters, newlines among them. Cs: halves of surrogate pairs, which have no UTF-8.
const UNQUOTABLE = /[\p{Cc}\p{Cs}]/u;
const INDENT = '  ';

/**
 * The text of a nats-server configuration, one entry per line.
 * @throws DomainError `invalid_configuration` when a text holds control characters, a number is not whole, or a key is not a plain word.
 */
export function renderConf(map: ConfMap): string {
  return entries(map, '');
}

/**
 * The one way that text gets into a configuration: a double-quoted string, which the server reads back as exactly the text.
 * In such a string the lexer takes a backslash for an escape and a quote for the end, and nothing else for special: variables
 * (`$NAME`) are expanded in unquoted values only (nats-server, conf/lex.go, lexDubQuotedString and lexStringEscape).
 *
 * @throws DomainError `invalid_configuration` when the text holds control characters or half a surrogate pair.
 */
export function quote(text: string): string {
  if (UNQUOTABLE.test(text)) throw invalid(`A text in a NATS configuration holds control characters: ${JSON.stringify(text)}.`);
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

function entries(map: ConfMap, indent: string): string {
  return Object.entries(map)
    .filter((entry): entry is [string, ConfValue] => entry[1] !== undefined)
    .map(([key, value]) => {
      if (!KEY.test(key)) throw invalid(`This cannot be a key in a NATS configuration: ${JSON.stringify(key)}.`);
      return `${indent}${key}: ${render(value, indent)}\n`;
    })
    .join('');
}

function render(value: ConfValue, indent: string): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return integer(value);
  if (value instanceof Duration) return quote(durationText(value));
  // Without a suffix: the server's "MB" is 1,048,576 and its "M" 1,000,000.
  if (value instanceof Size) return integer(value.bytes);
  if (isArray(value)) return array(value, indent);
  return `{\n${entries(value, indent + INDENT)}${indent}}`;
}

function array(values: readonly ConfValue[], indent: string): string {
  if (values.length === 0) return '[]';
  return `[\n${values.map((value) => `${indent}${INDENT}${render(value, indent + INDENT)}\n`).join('')}${indent}]`;
}

function integer(value: number): string {
  if (!Number.isSafeInteger(value)) throw invalid(`A number in a NATS configuration must be whole: ${value}.`);
  return String(value);
}

const durationText = ({ milliseconds }: Duration): string =>
  milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;

// Array.isArray does not narrow a readonly array out of a union.
const isArray = (value: ConfValue): value is readonly ConfValue[] => Array.isArray(value);

const invalid = (message: string): DomainError => new DomainError('invalid_configuration', message);
