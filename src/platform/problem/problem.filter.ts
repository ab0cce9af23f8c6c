import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DomainError } from '#libs/kernel';
import type { ProblemDto } from './problem.dto.js';
import { domainErrorOf } from './problem-of.js';
import { PROBLEMS, problemType } from './problem-table.js';

/** Seconds after which a caller may try again where nothing better is known. */
const RETRY_AFTER = 2;

/** Set by a handler for the answer that now is not sent. */
const HEADERS_OF_ANSWER = ['content-length', 'content-encoding', 'content-disposition', 'etag', 'cache-control'];

/** Answers every error with application/problem+json (RFC 9457), and logs what is our fault. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger(ProblemFilter.name);

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = domainErrorOf(thrown);
    const { status } = PROBLEMS[error.code];
    if (status >= 500) this.#log(error, status);

    if (reply.sent || reply.raw.headersSent) {
      // The status is out already: a connection that breaks off is the only way left to say that the answer is not whole.
      if (!reply.raw.writableEnded) reply.raw.destroy();
      return;
    }
    for (const header of HEADERS_OF_ANSWER) reply.removeHeader(header);
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    if (status === 429 || status === 503) reply.header('retry-after', String(retryAfter(error)));
    void reply
      .status(status)
      .header('content-type', 'application/problem+json')
      .send(JSON.stringify(problemFrom(error, request.id)));
  }

  #log(error: DomainError, status: number): void {
    const entry = { code: error.code, context: error.context, err: error.cause ?? error };
    if (status === 503) this.#logger.warn(entry, error.message);
    else this.#logger.error(entry, error.message);
  }
}

function problemFrom({ code, message, errors }: DomainError, requestId: string): ProblemDto {
  return {
    type: problemType(code),
    ...PROBLEMS[code],
    detail: message,
    code,
    ...(errors.length > 0 && { errors }),
    request_id: requestId,
  };
}

function retryAfter({ context: { retryAfter } }: DomainError): number {
  return typeof retryAfter === 'number' ? Math.max(1, Math.ceil(retryAfter)) : RETRY_AFTER;
}
