import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Action, Subject } from '#libs/contracts';
import { type Clock, type DomainError, isId } from '#libs/kernel';
import { Caller, originOf, type RefusedKey, type RefusedPerson, type RequestWithCaller } from '../auth/index.js';
import { CLOCK } from '../clock.js';
import { Database } from '../database/index.js';
import type { WithProblem } from '../problem/index.js';
import { Audit, type Deed } from './audit.js';

type Answered = FastifyRequest & RequestWithCaller & WithProblem;

/** How often failed attempts of one key or person to get in are written down, in milliseconds: whoever makes them need not be let in to make more. */
const ATTEMPT_INTERVAL = 60_000;

/** Writes down what callers tried and may not do, before they are answered. */
@Injectable()
export class Refusals {
  readonly #logger = new Logger(Refusals.name);
  /** When an attempt was written down last, by actor, the oldest first. Only keys that are on record and people of the issuer get here. */
  readonly #attempts = new Map<string, number>();

  constructor(
    private readonly audit: Audit,
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Sees every answer. */
  watch(http: FastifyInstance): void {
    http.addHook('onSend', (request: Answered, _reply, _payload, done) => {
      if (request.problem === undefined) done();
      else void this.record(request.problem, request).then(() => done());
    });
  }

  /** Never rejects: the answer is the same when it cannot be written down. */
  private async record(problem: DomainError, request: Answered): Promise<void> {
    const refused = this.forbiddenDeed(problem, request) ?? this.failedAttempt(problem, request);
    if (refused === undefined) return;
    const [caller, deed] = refused;
    try {
      await this.database.transaction(caller.scope, async (em) => this.audit.record(em, caller, { ...deed, outcome: 'refused' }));
    } catch (error) {
      this.#logger.warn({ err: error, actor: caller.principal.actor, action: deed.action }, 'a refusal was not written down');
    }
  }

  /** What somebody tried whom we know. */
  private forbiddenDeed({ code, context }: DomainError, request: Answered): [Caller, Deed] | undefined {
    const { action, subject } = context as { action?: Action; subject?: Subject };
    if (code !== 'forbidden' || action === undefined || subject === undefined || request.caller === undefined) return undefined;
    const { id } = (request.params ?? {}) as { id?: string };
    const subjectType = subject.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
    const subjectId = id !== undefined && isId(id) ? id : null;
    return [request.caller, { action: `${subjectType}.${action}`, subjectType, subjectId, detail: { code, ...callOf(request) } }];
  }

  /** Somebody who is known, and does not get in. */
  private failedAttempt({ code, context }: DomainError, request: Answered): [Caller, Deed] | undefined {
    const attempt = attemptOf(context);
    if (attempt === undefined || !this.isNew(attempt.actor)) return undefined;
    const { actor, id, name, tenantId, subjectType, subjectId, reason } = attempt;
    // May do nothing but stand in this row.
    const principal = { actor, id, name, role: 'viewer' as const, tenantId };
    const deed = { action: `${subjectType}.authenticate`, subjectType, subjectId, detail: { code, reason, ...callOf(request) } };
    return [new Caller(principal, originOf(request)), deed];
  }

  /** Whether nothing was written down of this actor for a while. */
  private isNew(actor: string): boolean {
    const now = this.clock.now().getTime();
    for (const [one, at] of this.#attempts) {
      if (now - at < ATTEMPT_INTERVAL) break;
      this.#attempts.delete(one);
    }
    if (this.#attempts.has(actor)) return false;
    this.#attempts.set(actor, now);
    return true;
  }
}

/** A key that is on record, or a person for whom the issuer has signed. */
function attemptOf({ refusedKey, refusedPerson }: { refusedKey?: RefusedKey; refusedPerson?: RefusedPerson }) {
  if (refusedKey !== undefined) {
    const { apiKeyId: id, tenantId, reason } = refusedKey;
    return { actor: `api_key:${id}`, id, name: 'refused key', tenantId, reason, subjectType: 'api_key', subjectId: id };
  }
  if (refusedPerson !== undefined) {
    const { sub, tenantId, reason } = refusedPerson;
    return { actor: `user:${sub}`, id: sub, name: 'refused person', tenantId, reason, subjectType: 'user', subjectId: null };
  }
  return undefined;
}

/** The route, not the path: people put into that what does not belong there. */
const callOf = ({ method, routeOptions }: Answered) => ({ method, route: routeOptions.url ?? null });
