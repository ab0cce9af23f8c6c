import { Injectable, Logger } from '@nestjs/common';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { DomainError } from '#libs/kernel';
import { Config } from '../config/index.js';
import { Database } from '../database/index.js';
import { LeasedAllowances, type Verdict } from './leased-allowances.js';
import { networkOf } from './network.js';
import { SharedAllowances } from './shared-allowances.js';

/** What is counted: calls with a key, calls from an address, downloads with tokens from an address, keys from an address that do not open. */
export type Policy = keyof Config['rateLimits'];

/** Seconds. */
const WINDOW = 60;

/** What is limited, as it stands in a sentence. */
const WHAT: Record<Policy, string> = {
  key: 'calls with this key',
  address: 'calls from this address',
  download: 'downloads with tokens from this address',
  authentication: 'failed attempts to authenticate from this address',
};

/** Those who watch over the process are answered whatever else comes from where they are. */
const UNCOUNTED = '/api/health/';

/** Limits how often somebody may call, over all processes together. A limit of 0 is none. */
@Injectable()
export class RateLimits {
  readonly #logger = new Logger(RateLimits.name);
  readonly #allowances: LeasedAllowances;

  constructor(
    private readonly config: Config,
    database: Database,
  ) {
    const shared = new SharedAllowances(database);
    this.#allowances = new LeasedAllowances(
      (...asked) => shared.take(...asked),
      () => performance.now(),
      (error) => this.#logger.warn({ err: error }, 'rate limits hold for each process by itself: the database does not count'),
    );
  }

  /** Counts every request by the address that it comes from, before anything else is done for it. */
  watch(http: FastifyInstance): void {
    if (this.config.rateLimits.address === 0) return;
    http.addHook('onRequest', async ({ url, ip }, reply) => {
      if (!url.startsWith(UNCOUNTED)) await this.admit('address', ip, reply, { isSaid: false });
    });
  }

  /**
   * Counts a call, and says in the answer's headers what is left (draft-ietf-httpapi-ratelimit-headers).
   * @param subject an address, or who calls
   * @param options.isSaid whether it is said of a call that is let through, too
   * @throws DomainError `rate_limited` when nothing is left
   */
  async admit(policy: Policy, subject: string, reply: Pick<FastifyReply, 'header'>, { isSaid = true } = {}): Promise<void> {
    const calls = this.config.rateLimits[policy];
    if (calls === 0) return;
    const verdict = await this.#allowances.spend(bucketOf(policy, subject), { calls, window: WINDOW });
    if (isSaid || !verdict.isAllowed) this.say(policy, verdict, reply);
  }

  /**
   * Refuses a call when it is known that nothing is left, without counting it.
   * @throws DomainError `rate_limited`
   */
  refuseSpent(policy: Policy, subject: string, reply: Pick<FastifyReply, 'header'>): void {
    if (this.config.rateLimits[policy] === 0) return;
    const spent = this.#allowances.spent(bucketOf(policy, subject));
    if (spent !== undefined) this.say(policy, spent, reply);
  }

  private say(policy: Policy, { isAllowed, left, endsIn }: Verdict, reply: Pick<FastifyReply, 'header'>): void {
    const calls = this.config.rateLimits[policy];
    void reply.header('ratelimit-policy', `"${policy}";q=${calls};w=${WINDOW}`).header('ratelimit', `"${policy}";r=${left};t=${endsIn}`);
    if (isAllowed) return;
    const message = `Too many ${WHAT[policy]}: ${calls} a minute are let through. Wait ${endsIn} s.`;
    throw new DomainError('rate_limited', message, { context: { retryAfter: endsIn }, retryable: true });
  }
}

const bucketOf = (policy: Policy, subject: string) => `${policy}:${policy === 'key' ? subject : networkOf(subject)}`;
