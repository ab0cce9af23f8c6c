import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable, of } from 'rxjs';
import { DomainError } from '#libs/kernel';
import type { RequestWithCaller } from '../auth/index.js';
import { fingerprintOf } from './fingerprint.js';
import { IdempotencyKeys } from './idempotency-keys.js';
import { ACTION } from './marks.js';

/** Printable ASCII. Values in quotes, as the IETF's draft has them, are taken as they are, quotes included. */
const FORMAT = /^[\x20-\x7e]{1,255}$/;

/** Stands around the handlers that are `@Idempotent`. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly keys: IdempotencyKeys,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<FastifyRequest & RequestWithCaller>();
    const key = request.headers['idempotency-key'];
    if (key === undefined) return next.handle();
    const { method, url, body, routeOptions, caller } = request;
    if (caller === undefined) throw new Error('Only a handler with a caller can be idempotent.');
    const operation = `${method} ${routeOptions.url}`;
    const found = await this.keys.claim(caller, { key: checked(key), operation, fingerprint: fingerprintOf({ method, url, body }) });
    if ('answer' in found) {
      void context.switchToHttp().getResponse<FastifyReply>().header('idempotent-replayed', 'true');
      return of(found.answer);
    }
    const action = this.reflector.get<string>(ACTION, context.getHandler());
    request.caller = caller.claiming({ id: found.id, action });
    return from(this.run(request.caller, found.id, next));
  }

  private async run(caller: NonNullable<RequestWithCaller['caller']>, id: string, next: CallHandler): Promise<unknown> {
    try {
      const answer: unknown = await lastValueFrom(next.handle());
      await this.keys.keep(caller, id, answer);
      return answer;
    } catch (error) {
      await this.keys.release(caller, id);
      throw error;
    }
  }
}

function checked(key: string | string[]): string {
  if (typeof key === 'string' && FORMAT.test(key)) return key;
  throw new DomainError('validation_failed', 'The header Idempotency-Key must be 1 to 255 printable ASCII characters.');
}
