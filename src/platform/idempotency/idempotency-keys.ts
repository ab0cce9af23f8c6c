import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random, Secret } from '#libs/kernel';
import type { Caller } from '../auth/index.js';
import { CLOCK, RANDOM } from '../clock.js';
import { Database } from '../database/index.js';
import { KeyRing } from '../encryption/index.js';

/** Seconds that a request may take before whoever repeats it takes over. No statement and no request of ours takes as long. */
export const LEASE = 60;

/** Seconds that an answer is kept. */
const KEPT = 24 * 60 * 60;

/** Of requests that claim a key at the same moment, one may see neither the other's row nor put in its own; the next look shows it. */
const LOOKS = 3;

interface Asked {
  key: string;
  operation: string;
  fingerprint: string;
}

/** What there is for a key: the caller's own new claim, or what another request has left. */
interface Found {
  id: string;
  isMine: boolean;
  isSame: boolean;
  isDone: boolean;
  /** Whether whoever claimed it may still be at work. */
  isHeld: boolean;
  subjectType: string | null;
  subjectId: string | null;
  answerCiphertext: string | null;
}

/** Times are the database's, as replicas' clocks may differ. A row whose time is over counts as none, whether or not it was swept away. */
const CLAIM = `
  with claimed as (
    insert into idempotency_keys as k (id, tenant_id, actor, operation, key, fingerprint, claimed_until, expires_at)
    values (?, ?, ?, ?, ?, ?, now() + make_interval(secs => ?), now() + make_interval(secs => ?))
    on conflict on constraint idempotency_keys_unique do update
       set id = excluded.id, version = 1, fingerprint = excluded.fingerprint, claimed_until = excluded.claimed_until, expires_at = excluded.expires_at,
           done_at = null, subject_type = null, subject_id = null, answer_ciphertext = null
     where k.expires_at <= now()
        or (k.done_at is null and k.answer_ciphertext is null and k.claimed_until <= now() and k.fingerprint = excluded.fingerprint)
    returning id)
  select id, true as "isMine", true as "isSame", false as "isDone", true as "isHeld", null as "subjectType", null as "subjectId", null as "answerCiphertext"
    from claimed
   union all
  select id, false, fingerprint = ?, done_at is not null, claimed_until > now(), subject_type, subject_id, answer_ciphertext
    from idempotency_keys
   where tenant_id is not distinct from ? and actor = ? and operation = ? and key = ? and expires_at > now() and not exists (select from claimed)`;

const KEEP = 'update idempotency_keys set answer_ciphertext = ? where id = ?';

/** What nobody has done is free for the next try. What is done stays, and nobody is at work on it any more. */
const RELEASE = `
  with released as (delete from idempotency_keys where id = ? and done_at is null)
  update idempotency_keys set claimed_until = now() where id = ? and done_at is not null`;

/** Keys of requests that may come again, each by principal, tenant and operation. */
@Injectable()
export class IdempotencyKeys {
  readonly #logger = new Logger(IdempotencyKeys.name);

  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Claims a key for a request that is to be done now, or finds what was answered to the one before.
   * @throws DomainError `idempotency_key_reused` when that asked for something else; `request_in_progress` while it is being done; `answer_lost`
   *   when it was done and its answer was not kept
   */
  async claim(caller: Caller, asked: Asked): Promise<{ id: string } | { answer: unknown }> {
    for (let look = 1; look <= LOOKS; look++) {
      const found = await this.look(caller, asked);
      if (found?.isMine) return { id: found.id };
      if (found === undefined) continue;
      if (!found.isSame) throw reused();
      if (found.answerCiphertext !== null) return { answer: JSON.parse(this.keyRing.open(found.answerCiphertext, placeOf(caller, found.id)).reveal()) };
      if (found.isHeld) throw inProgress();
      if (found.isDone) throw answerLost(found);
    }
    throw inProgress();
  }

  /** Keeps what is answered. When it cannot be kept, the answer is the same: what was asked for is done. */
  async keep(caller: Caller, id: string, answer: unknown): Promise<void> {
    const sealed = this.keyRing.seal(new Secret(JSON.stringify(answer)), placeOf(caller, id));
    await this.afterwards(caller, KEEP, [sealed, id]);
  }

  /** The request has failed. When it cannot be released, the claim lapses by itself. */
  async release(caller: Caller, id: string): Promise<void> {
    await this.afterwards(caller, RELEASE, [id, id]);
  }

  private async look({ scope, principal: { tenantId, actor } }: Caller, { key, operation, fingerprint }: Asked): Promise<Found | undefined> {
    const identity = [tenantId, actor, operation, key];
    const values = [newId(this.clock, this.random), ...identity, fingerprint, LEASE, KEPT, fingerprint, ...identity];
    const [found] = await this.database.statement<Found>(scope, CLAIM, values);
    return found;
  }

  private async afterwards(caller: Caller, sql: string, values: readonly unknown[]): Promise<void> {
    try {
      await this.database.statement(caller.scope, sql, values);
    } catch (error) {
      this.#logger.warn({ err: error, actor: caller.principal.actor }, 'an idempotency key was neither answered nor released');
    }
  }
}

const placeOf = ({ principal: { tenantId } }: Caller, rowId: string) => ({ table: 'idempotency_keys', column: 'answer', rowId, tenantId });

const reused = () =>
  new DomainError('idempotency_key_reused', 'This Idempotency-Key came with another request before: another path or another body. Take a new key for a new request.');

const inProgress = () =>
  new DomainError('request_in_progress', 'The same request, with this Idempotency-Key, is being done. Ask again for its answer.', {
    context: { retryAfter: 1 },
    retryable: true,
  });

function answerLost({ subjectType, subjectId }: Found): DomainError {
  const subject = subjectId === null ? '' : ` to ${subjectType} ${subjectId}`;
  const message = `This was done${subject} when it was asked for before, and the answer was lost before it could be kept. See what is there; take a new Idempotency-Key to do it once more.`;
  return new DomainError('answer_lost', message);
}
