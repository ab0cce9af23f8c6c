import { type FieldError, isName } from '#libs/kernel';
import type { Check, SiteCheckType } from '#libs/model';
import { isHost } from '../platform/validation/index.js';

/** What can be checked at a site besides its leaf. */
export const SITE_CHECK_TYPES = ['tcp', 'http', 'icmp', 'process', 'grpc'] as const satisfies readonly SiteCheckType[];

/** What a check says, as people set it. */
export type CheckTerms = Pick<
  Check,
  'name' | 'checkType' | 'enabled' | 'intervalSec' | 'timeoutSec' | 'target' | 'port' | 'path' | 'method' | 'settings' | 'publishResults'
>;

/** The check that every agent does of itself. Services are known by the names of their checks. */
export const LEAF_CHECK_NAME = 'nats-leaf';

/** Seconds, where nothing else is said. */
export const DEFAULT_INTERVAL = 30;
export const DEFAULT_TIMEOUT = 5;

const HTTP_PORTS: Record<string, number> = { http: 80, https: 443 };

/** A rule of one field: whether a text will do, and what it has to be, as the end of a sentence. */
interface Rule {
  accepts: (text: string) => boolean;
  mustBe: string;
}

const HOST: Rule = { accepts: isHost, mustBe: 'a DNS name or an IP address' };

// An agent looks for it among the processes, and hands it to no shell. A hyphen in front would read as an option in whatever it is shown in.
const PROCESS: Rule = {
  accepts: (text) => isName(text) && !/^[\s-]/.test(text) && !text.includes('/'),
  mustBe: 'the name of a process: 1 to 200 characters, no slash, no hyphen and no space in front',
};

// RFC 3986, section 3.3 and 3.4, not looked at more closely: what is in no URL is refused.
const PATH: Rule = {
  accepts: (text) => text.length <= 1024 && /^\/[!$-;=?-Z_a-z~]*$/.test(text),
  mustBe: 'a slash and what may follow in a URL, without a fragment, up to 1024 characters',
};

const oneOf = (...texts: string[]): Rule => ({ accepts: (text) => texts.includes(text), mustBe: texts.join(' or ') });

const TLS: Record<string, Rule> = { tls_verify: oneOf('true', 'false'), server_name: HOST };

const STATUSES: Rule = {
  accepts: (text) => text.split(',').every(isStatusRange),
  mustBe: 'HTTP statuses and ranges of them, as 200-299,401',
};

const SERVICE: Rule = {
  accepts: (text) => /^[\w./-]*$/.test(text),
  mustBe: 'the name of a gRPC service, as package.Service',
};

/** What a type has to say, and may say. */
interface Definition {
  target: Rule;
  port?: 'required' | 'by_scheme';
  path?: Rule;
  method?: Rule;
  settings?: Record<string, Rule>;
}

const DEFINITIONS: Record<SiteCheckType, Definition> = {
  tcp: { target: HOST, port: 'required' },
  http: {
    target: HOST,
    port: 'by_scheme',
    path: PATH,
    method: oneOf('GET', 'HEAD'),
    settings: { scheme: oneOf(...Object.keys(HTTP_PORTS)), expected_status: STATUSES, ...TLS },
  },
  icmp: { target: HOST },
  process: { target: PROCESS },
  grpc: { target: HOST, port: 'required', settings: { service: SERVICE, tls: oneOf('true', 'false'), ...TLS } },
};

/** The same terms, with what an http check does not say filled in. */
export function completed(terms: CheckTerms): CheckTerms {
  if (terms.checkType !== 'http') return terms;
  const { scheme = 'http' } = terms.settings;
  return { ...terms, port: terms.port ?? HTTP_PORTS[scheme] ?? null, path: terms.path ?? '/', method: terms.method ?? 'GET' };
}

/**
 * What is wrong with a check, of all that it says; nothing when it can be done.
 * @param terms their shape has been looked at already
 */
export function problemsOf(terms: CheckTerms): FieldError[] {
  const { checkType, intervalSec, timeoutSec, target } = terms;
  const { port, settings = {}, ...definition } = DEFINITIONS[checkType];
  const found: FieldError[] = [];
  const refuse = (field: string, code: string, detail: string) => found.push({ pointer: `/${field}`, code, detail });
  const hold = (field: string, text: string, rule: Rule | undefined) => {
    if (rule === undefined) refuse(field, 'not_applicable', `a check of the type ${checkType} has no ${field}`);
    else if (!rule.accepts(text)) refuse(field, 'invalid_for_type', `${field} must be ${rule.mustBe}`);
  };
  if (terms.name.toLowerCase() === LEAF_CHECK_NAME) refuse('name', 'reserved', `"${LEAF_CHECK_NAME}" is what each agent checks by itself`);
  if (timeoutSec >= intervalSec) refuse('timeout_sec', 'too_long', `timeout_sec must be less than interval_sec (${intervalSec})`);
  hold('target', target, definition.target);
  if (terms.port != null && port === undefined) refuse('port', 'not_applicable', `a check of the type ${checkType} has no port`);
  if (terms.port == null && port === 'required') refuse('port', 'required', `a check of the type ${checkType} needs a port`);
  for (const field of ['path', 'method'] as const) if (terms[field] != null) hold(field, terms[field], definition[field]);
  for (const [key, text] of Object.entries(terms.settings)) hold(`settings/${key}`, text, Object.hasOwn(settings, key) ? settings[key] : undefined);
  return found;
}

function isStatusRange(text: string): boolean {
  const [, from, to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text) ?? [];
  return from !== undefined && Number(from) <= Number(to);
}
