import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { UnsupportedMediaTypeException } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import helmet, { type HelmetOptions } from 'helmet';
import { DomainError } from '#libs/kernel';
import { Config } from './config/index.js';
import { JsonLogger } from './logging/index.js';
import { serveOpenApi } from './openapi/index.js';
import { sendFrameworkProblem } from './problem/index.js';
import { isDeeper, MAX_DEPTH } from './validation/index.js';

/** Bytes of a request's body. The largest that anybody sends is a list of labels and names. */
const BODY_LIMIT = 128 * 1024;

/** Milliseconds: how long a request may take to arrive, its headers alone, and how often that is looked at. */
const PATIENCE = { request: 30_000, headers: 10_000, look: 5_000 };

/** Bytes of a request's first line and headers together; more is answered with 431. */
const HEADER_LIMIT = 16 * 1024;

export const httpAdapterOptions = ({ trustedProxies }: Config, patience = PATIENCE) => ({
  http: { maxHeaderSize: HEADER_LIMIT, headersTimeout: patience.headers, connectionsCheckingInterval: patience.look },
  frameworkErrors: sendFrameworkProblem,
  bodyLimit: BODY_LIMIT,
  // A shutdown closes idle connections and lets a running download finish.
  forceCloseConnections: 'idle' as const,
  requestTimeout: patience.request,
  routerOptions: { maxParamLength: 200 },
  trustProxy: trustedProxies.length > 0 && [...trustedProxies],
});

/** A client whose request was running when the shutdown began would keep its connection, and the shutdown would wait for it. */
function closeConnectionsAfterAnswers(http: FastifyInstance): void {
  let closing = false;
  http.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  http.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close');
    done();
  });
}

/** A connection over which nothing has come yet is none that Node takes for idle: the shutdown would wait for a client that asks nothing. */
function closeUnusedConnections(http: FastifyInstance): void {
  const sockets = new Set<Socket>();
  http.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  http.addHook('preClose', (done) => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    done();
  });
}

/** Swagger UI styles itself inline. */
const PAGE = { styleSrc: [`'self'`, `'unsafe-inline'`], imgSrc: [`'self'`, 'data:'], frameAncestors: [`'none'`], upgradeInsecureRequests: null };

/** Whatever is no page may load nothing, should a browser take it for one. */
const NO_PAGE = { defaultSrc: [`'none'`], frameAncestors: [`'none'`] };

/** They are the same for every answer of a kind: Helmet says them once. For each request anew, it took as long as all else that stands around a handler. */
function securityHeaders({ publicUrl }: Config, contentSecurityPolicy: HelmetOptions['contentSecurityPolicy']): Record<string, string> {
  const headers: Record<string, string> = {};
  const response = { setHeader: (name: string, value: string) => (headers[name] = value), removeHeader: () => undefined };
  const say = helmet({
    contentSecurityPolicy,
    xFrameOptions: { action: 'deny' },
    // Whoever reaches it by http must go on doing so.
    strictTransportSecurity: publicUrl?.startsWith('https:') ?? false,
  });
  say({} as IncomingMessage, response as unknown as ServerResponse, (error) => {
    if (error !== undefined) throw error as Error;
  });
  return headers;
}

/** Pages of other origins are answered to only where the configuration names them. They show keys, never cookies. */
function admitOrigins(app: NestFastifyApplication, { corsOrigins }: Config): void {
  if (corsOrigins.length === 0) return;
  app.enableCors({
    origin: [...corsOrigins],
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'x-tenant', 'idempotency-key', 'if-match', 'if-none-match', 'last-event-id'],
    exposedHeaders: ['content-disposition', 'etag', 'idempotent-replayed', 'ratelimit', 'ratelimit-policy', 'retry-after'],
    maxAge: 600,
  });
}

/** The one page that there is, and what it loads. */
const DOCUMENTATION = /^\/api\/docs(?:[/?]|$)/;

/** What a process without the role `api` answers for, to those who watch over it. */
const HEALTH = '/api/health/';

/** A process that does not serve the API serves nobody's. */
function serveHealthOnly(http: FastifyInstance): void {
  http.addHook('onRequest', ({ url }, _reply, next) => {
    next(url.startsWith(HEALTH) ? undefined : new DomainError('not_found', 'This process answers for its health only: the API is served by others.'));
  });
}

/** What stands around every handler: security headers, logs, the prefix, the documentation. */
export function configureHttp(app: NestFastifyApplication): void {
  app.useLogger(app.get(JsonLogger));
  app.setGlobalPrefix('api');
  const http = app.getHttpAdapter().getInstance();
  // Some clients say that nothing is JSON; nothing is also no body.
  http.addHook('onRequest', ({ headers }, _reply, next) => {
    // A request without a length that is not chunked has no body either (RFC 9112, section 6.3).
    if ((headers['content-length'] ?? '0') === '0' && headers['transfer-encoding'] === undefined) delete headers['content-type'];
    next();
  });
  // PostgreSQL takes no NUL, and nobody needs one.
  http.addHook('onRequest', ({ url }, _reply, next) => {
    next(url.includes('%00') ? new DomainError('malformed_request', 'The URL holds a NUL (%00). Leave it out.') : undefined);
  });
  // Fastify reads plain text as well, and Nest forms; a handler would be given a string for an object, or strings for numbers.
  http.removeContentTypeParser('text/plain');
  app.useBodyParser('application/x-www-form-urlencoded', {}, (_request, _body, done) => done(new UnsupportedMediaTypeException()));
  // Whatever reads a body may go down into it, and is not to run out of stack. JSON itself is read without.
  http.addHook('preValidation', ({ body }, _reply, next) => {
    const detail = `The body is nested too deep: objects and arrays may be nested ${MAX_DEPTH} deep.`;
    next(isDeeper(body, MAX_DEPTH) ? new DomainError('validation_failed', detail, { errors: [{ pointer: '', code: 'too_deep', detail }] }) : undefined);
  });
  closeConnectionsAfterAnswers(http);
  closeUnusedConnections(http);
  const config = app.get(Config);
  const [ofPages, ofAllElse] = [securityHeaders(config, { directives: PAGE }), securityHeaders(config, { useDefaults: false, directives: NO_PAGE })];
  http.addHook('onRequest', ({ url }, reply, next) => {
    void reply.headers(DOCUMENTATION.test(url) ? ofPages : ofAllElse);
    next();
  });
  admitOrigins(app, config);
  if (config.roles.includes('api')) serveOpenApi(app);
  else serveHealthOnly(http);
}
