import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { ACTION, IDEMPOTENT_EXTENSION } from './marks.js';

/**
 * For handlers that make something: a call that comes again with the same Idempotency-Key is not done again, and is answered as before.
 * @param action of the audit row that stands in the transaction after which it is done
 */
export const Idempotent = (action: string) =>
  applyDecorators(SetMetadata(ACTION, action), UseInterceptors(IdempotencyInterceptor), ApiExtension(IDEMPOTENT_EXTENSION, true));
