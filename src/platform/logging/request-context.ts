import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { Context } from '@opentelemetry/api';

export interface RequestContext {
  /** Of a request, and of nothing else. */
  requestId?: string;
  /** The span that it runs in, when somebody wants spans. */
  trace?: Context | undefined;
}

/** What is known about the request or the job that the running code works for; nothing outside of them. */
export const requestContext = new AsyncLocalStorage<RequestContext>();

const SANE = /^[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}$/;

/** The id that a caller or proxy gave (header X-Request-Id) when it looks like one, else a new one. */
export function requestIdFrom(header: string | string[] | undefined): string {
  return typeof header === 'string' && SANE.test(header) ? header : randomUUID();
}
