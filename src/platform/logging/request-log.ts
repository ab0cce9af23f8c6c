import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { requestSpan, type Tracing } from '../tracing/index.js';
import type { JsonLogger } from './json-logger.js';
import { type RequestContext, requestContext, requestIdFrom } from './request-context.js';

/** What the authentication guard leaves on a request. */
interface WithPrincipal {
  principal?: { id: string | null; tenantId: string | null };
}

const MAX_PATH_LENGTH = 200;

/** Gives each request an id, answers with it (X-Request-Id), and logs one line when the request is done or broken off. */
export function logRequests(http: FastifyInstance, logger: JsonLogger, tracing: Tracing): void {
  const contexts = new WeakMap<FastifyRequest, RequestContext>();
  http.addHook('onRequest', (request, reply, next) => {
    request.id = requestIdFrom(request.headers['x-request-id']);
    reply.header('x-request-id', request.id);
    const context = { requestId: request.id, trace: requestSpan(tracing, request, reply) };
    contexts.set(request, context);
    const start = process.hrtime.bigint();
    reply.raw.once('close', () => {
      const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
      const fields = describe(request, reply, milliseconds);
      requestContext.run(context, () => {
        if (request.routeOptions.url?.includes('/health/')) logger.debug(fields, 'request', 'http');
        else logger.log(fields, 'request', 'http');
      });
    });
    requestContext.run(context, next);
  });
  // Parsing the body goes on in the socket's events, which know nothing of the request's context.
  http.addHook('preValidation', (request, _reply, next) => requestContext.run(contexts.get(request)!, next));
}

function describe(request: FastifyRequest & WithPrincipal, reply: FastifyReply, milliseconds: number) {
  const { id, method, url, routeOptions, principal } = request;
  return {
    request_id: id,
    method,
    // Without the query: people put into it what does not belong there.
    path: url.split('?', 1)[0]?.slice(0, MAX_PATH_LENGTH),
    route: routeOptions.url ?? null,
    status: reply.raw.statusCode,
    ms: Math.round(milliseconds * 10) / 10,
    principal_id: principal?.id ?? null,
    tenant_id: principal?.tenantId ?? null,
    ...(!reply.raw.writableFinished && { aborted: true }),
  };
}
