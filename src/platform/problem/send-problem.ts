import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { DomainError } from '#libs/kernel';
import { redactText } from '../logging/index.js';
import type { ProblemDto } from './problem.dto.js';
import { domainErrorOf } from './problem-of.js';
import { PROBLEMS, problemType } from './problem-table.js';

/** Seconds after which a caller may try again where nothing better is known. */
const RETRY_AFTER = 2;

/** Set by a handler for the answer that now is not sent. */
const HEADERS_OF_ANSWER = ['content-length', 'content-encoding', 'content-disposition', 'etag', 'cache-control'];

/** What is left on a request that was answered with an error. */
export interface WithProblem {
  problem?: DomainError;
}

/** Answers with an error as application/problem+json, and leaves it on the request. An answer that has begun is broken off. */
export function sendProblem(error: DomainError, request: FastifyRequest & WithProblem, reply: FastifyReply): void {
  request.problem = error;
  if (reply.sent || reply.raw.headersSent) {
    // The status is out already: a connection that breaks off is the only way left to say that the answer is not whole.
    if (!reply.raw.writableEnded) reply.raw.destroy();
    return;
  }
  const { status } = PROBLEMS[error.code];
  for (const header of HEADERS_OF_ANSWER) reply.removeHeader(header);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  const seconds = retryAfter(error, status);
  if (seconds !== undefined) reply.header('retry-after', String(seconds));
  // As bytes: to a text Fastify would add a charset, which this media type does not have.
  const body = Buffer.from(JSON.stringify(problemFrom(error, request.id)));
  void reply.status(status).header('content-type', 'application/problem+json').send(body);
}

/** For Fastify's option `frameworkErrors`: what it refuses before any route, and any filter, has a say (a malformed path). */
export function sendFrameworkProblem(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(domainErrorOf(error), request, reply);
}

/** What was wrong may quote what was sent: a secret that somebody put into the wrong field is not sent back, and not kept by whoever keeps answers. */
function problemFrom({ code, message, errors }: DomainError, requestId: string): ProblemDto {
  return {
    type: problemType(code),
    ...PROBLEMS[code],
    detail: redactText(message),
    code,
    ...(errors.length > 0 && { errors: errors.map((one) => ({ ...one, pointer: redactText(one.pointer), detail: redactText(one.detail) })) }),
    request_id: requestId,
  };
}

/** Seconds; undefined where waiting alone changes nothing. */
function retryAfter({ context: { retryAfter } }: DomainError, status: number): number | undefined {
  if (typeof retryAfter === 'number') return Math.max(1, Math.ceil(retryAfter));
  return status === 429 || status === 503 ? RETRY_AFTER : undefined;
}
