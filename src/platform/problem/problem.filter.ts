import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DomainError } from '#libs/kernel';
import { domainErrorOf } from './problem-of.js';
import { PROBLEMS } from './problem-table.js';
import { sendProblem } from './send-problem.js';

/** Answers every error with application/problem+json (RFC 9457), and logs what is our fault. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger(ProblemFilter.name);

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const error = domainErrorOf(thrown);
    this.#log(error);
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  #log(error: DomainError): void {
    const { status } = PROBLEMS[error.code];
    if (status < 500) return;
    const entry = { code: error.code, context: error.context, err: error.cause ?? error };
    if (status === 503) this.#logger.warn(entry, error.message);
    else this.#logger.error(entry, error.message);
  }
}
