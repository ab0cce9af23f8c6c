const REDACTED = '[redacted]';

const SECRET = /password|passwd|passphrase|secret|token|seed|creds|credential|privatekey|authorization|cookie|jwt|(?<!public)keys?$/;

/** Names a thing rather than holds it: `token_id`, `password_count`. */
const ABOUT_A_SECRET = /(?:id|ids|count|name)$/;

/** Whether a field of this name holds a secret, in whatever case and with whatever separators it is written. */
function namesSecret(name: string): boolean {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  return SECRET.test(plain) && !ABOUT_A_SECRET.test(plain);
}

const MAX_DEPTH = 8;

/** A copy of a plain value in which every field named like a secret reads `[redacted]`. What is not plain is left as it is. */
export function redactFields(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redactFields(item, depth + 1));
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, namesSecret(name) ? REDACTED : redactFields(field, depth + 1)]),
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Secrets by their looks, for texts that quote them: messages, stacks. A text may be long and of anybody's making: each expression goes
 * through it once, whatever it holds.
 */
const SECRET_TEXTS: readonly [RegExp, string][] = [
  [/\bsr_([A-Za-z0-9]{8,32})_[A-Za-z0-9_-]{32,128}/g, `sr_$1_${REDACTED}`],
  [/\bcollectorpkg-v2:[A-Za-z0-9_.-]+/g, `collectorpkg-v2:${REDACTED}`],
  // NATS seeds: S, the kind, 56 characters of base32.
  [/\bS[AUOCNX][A-Z2-7]{56}\b/g, REDACTED],
  // JWTs, or what may be one: a header that starts with { and a quote or white space, in base64url.
  [/\be(?:y[A-L]|w[klop01])[A-Za-z0-9_.-]+/g, REDACTED],
  // What else stands where a credential does; of API keys the id is left.
  [/\b(Bearer )(?!sr_)[A-Za-z0-9._~+/=-]+/gi, `$1${REDACTED}`],
  // To its end, or to that of the JSON string that it was cut off in.
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^"\\]|\\[^])*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|(?=")|\\?$)/g, REDACTED],
  [/(:\/\/[^\s:/@"]*):[^\s/@"]+@/g, `$1:${REDACTED}@`],
];

export const redactText = (text: string): string =>
  SECRET_TEXTS.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
