import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { DomainError } from '#libs/kernel';
import { Authenticator } from './authenticator.js';
import { ANY_CALLER, REQUIREMENT, type Requirement } from './authorize.decorator.js';
import { Caller, originOf } from './caller.js';
import type { RequestWithCaller } from './current-caller.decorator.js';
import { IS_PUBLIC } from './public.decorator.js';

/** In front of every handler. Closed unless the handler says what it requires, or that it is public. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const marked = <T>(key: string) =>
      this.reflector.getAllAndOverride<T | undefined>(key, [context.getHandler(), context.getClass()]);
    if (marked<boolean>(IS_PUBLIC)) return true;

    const request = context.switchToHttp().getRequest<FastifyRequest & RequestWithCaller & { principal?: unknown }>();
    const principal = await this.authenticator.authenticate(
      request.headers.authorization,
      onlyOne(request.headers['x-tenant']),
    );
    const caller = new Caller(principal, originOf(request));
    request.caller = caller;
    request.principal = principal;

    if (marked<boolean>(ANY_CALLER)) return true;
    const requirement = marked<Requirement>(REQUIREMENT);
    if (requirement === undefined) {
      throw new DomainError('forbidden', 'This call is open to nobody.', {
        context: { handler: `${context.getClass().name}.${context.getHandler().name}` },
      });
    }
    caller.authorize(requirement.action, requirement.subject);
    return true;
  }
}

/** An empty header names nothing. */
const onlyOne = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header) || undefined;
