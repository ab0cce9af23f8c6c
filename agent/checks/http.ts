import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { AgentError } from '../agent-error.js';
import type { CheckConfig } from '../gateway/wire.js';
import type { Checker } from './checker.js';
import { bracketed } from './tcp.js';

const DAY = 24 * 60 * 60 * 1000;

/**
 * Whether an HTTP server answers with a status that is expected: `settings.expected_status`, such as `200-299,401`, otherwise 200 to 399.
 * Redirects are not followed. Over https, it says how long the certificate is good for; one that cannot be verified is a failure unless
 * `settings.tls_verify` is `false`.
 */
export const http: Checker = async (check, { signal, now }) => {
  const { method, settings } = check;
  const url = urlOf(check);
  const tls = { rejectUnauthorized: settings.tls_verify !== 'false', ...(settings.server_name && { servername: settings.server_name }) };
  const ask = url.protocol === 'https:' ? requestTls : request;
  const sent = ask(url, { method: method || 'GET', signal, agent: false, headers: { 'user-agent': 'serviceradar-agent' }, ...tls });
  sent.end();
  const [answer] = (await once(sent, 'response', { signal })) as [IncomingMessage];
  const status = answer.statusCode ?? 0;
  const until = (answer.socket as Partial<TLSSocket>).getPeerCertificate?.().valid_to;
  answer.destroy();
  const expected = settings.expected_status || '200-399';
  const available = isExpected(status, expected);
  const details = {
    url: url.href,
    status,
    ...(until !== undefined && { certificate_expires_in_days: Math.floor((Date.parse(until) - now()) / DAY) }),
    ...(!available && { error: `${url.href} answered ${status}, and ${expected} is expected.` }),
  };
  return { available, details };
};

/** @throws AgentError when the check names none */
function urlOf({ target, port, path, settings }: CheckConfig): URL {
  const scheme = settings.scheme || 'http';
  const text = `${scheme}://${bracketed(target)}${port > 0 ? `:${port}` : ''}${path || '/'}`;
  if ((scheme !== 'http' && scheme !== 'https') || !URL.canParse(text)) throw new AgentError(`The check names no URL of http or https: ${JSON.stringify(text)}.`);
  return new URL(text);
}

/** Whether a status is one of those that a text such as `200,300-308` names. */
export function isExpected(status: number, expected: string): boolean {
  return expected.split(',').some((range) => {
    const [from, to = from] = range.trim().split('-').map(Number);
    return status >= from! && status <= to!;
  });
}
