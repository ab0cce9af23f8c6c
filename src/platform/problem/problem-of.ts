import { OptimisticLockError } from '@mikro-orm/core';
import { HttpException } from '@nestjs/common';
import type { ErrorCode } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { databaseFaultOf } from '../database/index.js';

/** What the framework refuses before one of our handlers runs, by status. Its own texts quote the input, so none is passed on. */
const REFUSALS: Partial<Record<number, [ErrorCode, string]>> = {
  401: ['unauthenticated', 'Show an API key: Authorization: Bearer sr_….'],
  403: ['forbidden', 'You may not do this.'],
  404: ['not_found', 'There is nothing at this address.'],
  409: ['conflict', 'This does not go together with what is there.'],
  412: ['stale', 'This was changed in the meantime. Read it again.'],
  413: ['too_large', 'The body is larger than this call takes.'],
  415: ['unsupported_media_type', 'Send the body as application/json.'],
  422: ['validation_failed', 'The input is not valid.'],
  429: ['rate_limited', 'Too many requests. Wait before the next one.'],
  503: ['unavailable', 'The service is not available right now. Try again.'],
};

/** Whatever was thrown, as an error whose message may be shown. */
export function domainErrorOf(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof OptimisticLockError) {
    return new DomainError('conflict', 'Somebody else changed this at the same time. Read it again, and try again.', {
      cause: error,
      retryable: true,
    });
  }
  const fault = databaseFaultOf(error);
  if (fault !== undefined) return new DomainError('unavailable', fault, { cause: error, retryable: true });
  const status = statusOf(error);
  const [code, message] = REFUSALS[status] ?? fallback(status);
  return new DomainError(code, message, { cause: error });
}

const fallback = (status: number): [ErrorCode, string] =>
  status >= 400 && status < 500
    ? ['malformed_request', 'The request is malformed: its body is not valid JSON, or its path or headers are not valid HTTP.']
    : ['internal', 'Something went wrong on our side. The request id finds it in the logs.'];

/** Nest's errors carry a status. Fastify's carry one too, besides a code of their own. */
function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  const isFastifyError = typeof code === 'string' && code.startsWith('FST_ERR_') && typeof statusCode === 'number';
  return isFastifyError ? statusCode : 500;
}
