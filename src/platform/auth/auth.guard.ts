import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { LIMITED_AS, type Policy, RateLimits } from '../rate-limit/index.js';
import { Authenticator } from './authenticator.js';
import { ANY_CALLER, REQUIREMENT, type Requirement } from './authorize.decorator.js';
import { Caller, originOf, type Principal } from './caller.js';
import type { RequestWithCaller } from './current-caller.decorator.js';
import { IS_PUBLIC } from './public.decorator.js';

/** In front of every handler. Closed unless the handler says what it requires, or that it is public. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly limits: RateLimits,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const marked = <T>(key: string) =>
      this.reflector.getAllAndOverride<T | undefined>(key, [context.getHandler(), context.getClass()]);
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest & RequestWithCaller & { principal?: unknown }>();
    const reply = http.getResponse<FastifyReply>();
    if (marked<boolean>(IS_PUBLIC)) {
      const policy = marked<Policy>(LIMITED_AS);
      if (policy !== undefined) await this.limits.admit(policy, request.ip, reply);
      return true;
    }

    const principal = await this.authenticate(request, reply);
    await this.limits.admit('key', principal.actor, reply);
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

  /** Whoever has shown too many keys that do not open is not told any more whether the next one does. */
  private async authenticate({ headers, ip }: FastifyRequest, reply: FastifyReply): Promise<Principal> {
    const shown = headers.authorization;
    if (shown !== undefined) this.limits.refuseSpent('authentication', ip, reply);
    try {
      return await this.authenticator.authenticate(shown, onlyOne(headers['x-tenant']));
    } catch (error) {
      const isAttempt = shown !== undefined && error instanceof DomainError && ATTEMPTS.has(error.code);
      if (isAttempt) await this.limits.admit('authentication', ip, reply);
      throw error;
    }
  }
}

/** A key that is not known, or a tenant that is not the key's. */
const ATTEMPTS: ReadonlySet<ErrorCode> = new Set(['unauthenticated', 'not_found']);

/** An empty header names nothing. */
const onlyOne = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header) || undefined;
