import { type Context, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { contextOf } from './traceparent.js';
import type { Tracing } from './tracing.js';

/** What the authentication guard leaves on a request. */
interface WithPrincipal {
  principal?: { tenantId: string | null };
}

/**
 * A span of a request until its answer is sent or broken off, in the trace that the caller says. It tells the template of the route, never the
 * path or the query.
 * @returns for what the request causes; undefined when nobody wants it, and for requests for health
 */
export function requestSpan(tracing: Tracing, request: FastifyRequest & WithPrincipal, reply: FastifyReply): Context | undefined {
  const { method, routeOptions } = request;
  const route = routeOptions.url ?? 'none';
  if (route.includes('/health/')) return undefined;
  const attributes = { 'http.request.method': method, 'http.route': route };
  const open = tracing.begin(`${method} ${route}`, { kind: SpanKind.SERVER, attributes, parent: contextOf(request.headers.traceparent) });
  if (open === undefined) return undefined;
  const { span, context } = open;
  reply.raw.once('close', () => {
    const { statusCode, writableFinished } = reply.raw;
    span.setAttribute('http.response.status_code', statusCode);
    if (request.principal?.tenantId) span.setAttribute('serviceradar.tenant_id', request.principal.tenantId);
    if (!writableFinished) span.setAttribute('serviceradar.aborted', true);
    if (statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  });
  return context;
}
