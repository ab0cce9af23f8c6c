import { DomainError } from '#libs/kernel';

// The server takes any UTF-8 but spaces; clients and tools do not agree on what lies outside ASCII, so that is refused here.
const TOKEN = /^[!-)+,\-/-=?-~]+$/;
const MAX_LENGTH = 256;

/**
 * Whether the text is a NATS subject (https://docs.nats.io/nats-concepts/subjects): tokens of visible ASCII joined by dots, none
 * empty, 256 characters at most. With `wildcards`, a token may be `*`, and the last one `>`; inside a longer token neither may stand.
 */
export function isSubject(text: string, { wildcards }: { wildcards: boolean }): boolean {
  if (text.length > MAX_LENGTH) return false;
  const tokens = text.split('.');
  return tokens.every((token, index) => {
    if (token === '*') return wildcards;
    if (token === '>') return wildcards && index === tokens.length - 1;
    return TOKEN.test(token);
  });
}

/** @throws DomainError `invalid_configuration` when the text is not a subject. */
export function assertSubject(text: string, options: { wildcards: boolean }): void {
  if (!isSubject(text, options)) throw new DomainError('invalid_configuration', `This is not a NATS subject: ${JSON.stringify(text)}.`);
}

/** Whether every subject that `pattern` matches is matched by one of `allowed`. */
export function subjectIsWithin(pattern: string, allowed: readonly string[]): boolean {
  return allowed.some((outer) => isWithin(pattern.split('.'), outer.split('.')));
}

/** Whether there is a subject that both patterns match. */
export function subjectsOverlap(one: string, other: string): boolean {
  const [a, b] = [one.split('.'), other.split('.')];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [left, right] = [a[index], b[index]];
    if (left === undefined || right === undefined) return false;
    if (left === '>' || right === '>') return true;
    if (left !== '*' && right !== '*' && left !== right) return false;
  }
  return true;
}

export const firstToken = (subject: string): string => subject.split('.', 1)[0]!;

function isWithin(inner: readonly string[], outer: readonly string[]): boolean {
  for (const [index, token] of outer.entries()) {
    if (token === '>') return inner.length > index;
    const own = inner[index];
    if (own === undefined || own === '>') return false;
    if (token !== '*' && token !== own) return false;
  }
  return inner.length === outer.length;
}
