import { raw } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random, Secret } from '#libs/kernel';
import { type DownloadPurpose, DownloadToken } from '#libs/model';
import { Audit } from '../platform/audit/index.js';
import { Caller, hashSecret, type Origin } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM, type Scope } from '../platform/database/index.js';

/** What a token is good for: one thing of one object. */
export interface DownloadTarget {
  purpose: DownloadPurpose;
  objectId: string;
}

/** What a download with a token comes with. */
export interface Presented {
  token: Secret | undefined;
  /** What the client calls this attempt, so that it is known when it starts over. */
  attempt: Secret | undefined;
  origin: Origin;
}

/** A token that may be used now. */
export interface ShownToken {
  id: string;
  presented: Presented;
  /** Whoever holds it. */
  caller: Caller;
  scope: Scope;
}

/** What the object of a purpose is, in audit rows. */
const SUBJECTS: Record<DownloadPurpose, string> = {
  edge_site_bundle: 'edge_site',
  collector_bundle: 'collector_package',
  onboarding_bundle: 'onboarding_package',
};

const SECRET_BYTES = 32;

/** A day, in seconds. */
const DEFAULT_LIFETIME = 24 * 60 * 60;

/** How long after the first use a download that broke off may be started over, in milliseconds. */
const GRACE = 5 * 60 * 1000;

/** One-time tokens for those who have no API key: the host that a bundle is for. */
@Injectable()
export class DownloadTokensService {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** @param lifetime seconds */
  issue(em: Em, caller: Caller, target: DownloadTarget, lifetime = DEFAULT_LIFETIME): { token: Secret; expiresAt: Date } {
    const token = new Secret(this.random(SECRET_BYTES).toString('base64url'));
    const now = this.clock.now();
    const row = Object.assign(new DownloadToken(), {
      id: newId(this.clock, this.random),
      tenantId: caller.tenantId,
      ...target,
      secretHash: hashSecret(token),
      expiresAt: new Date(now.getTime() + lifetime * 1000),
      usedAt: null,
      usedFrom: null,
      attemptHash: null,
      usedGeneration: null,
      createdBy: caller.principal.actor,
      createdAt: now,
    });
    em.persist(row);
    this.audit.record(em, caller, {
      action: 'download_token.create',
      subjectType: SUBJECTS[target.purpose],
      subjectId: target.objectId,
      detail: { expires_at: row.expiresAt.toISOString() },
    });
    return { token, expiresAt: row.expiresAt };
  }

  /**
   * Finds the token that may be used now, without using it.
   * @param secret of the token
   * @throws DomainError `not_found`, the same for a wrong, used, expired and foreign one
   */
  async find(secret: Secret, target: DownloadTarget, presented: Presented): Promise<ShownToken> {
    const where = { $and: [{ ...target, secretHash: hashSecret(secret) }, this.usable(presented)] };
    const found = await this.database.em(PLATFORM).findOne(DownloadToken, where);
    if (found === null) throw unusable();
    const { id, tenantId } = found;
    const principal = { actor: `download_token:${id}`, id, name: 'download token', role: 'viewer' as const, tenantId };
    return { id, presented, caller: new Caller(principal, presented.origin), scope: { tenantId } };
  }

  /**
   * Uses the token up: of any number of calls at once, one succeeds. A download that is started over is handed out what it was before.
   * @param generation of the bundle that is handed out
   * @throws DomainError `not_found`
   */
  async use(em: Em, { id, presented }: ShownToken, generation: number): Promise<void> {
    const { attempt, origin } = presented;
    const used = await em.nativeUpdate(DownloadToken, { $and: [{ id }, this.usable(presented, generation)] }, {
      usedAt: raw('coalesce(used_at, ?)', [this.clock.now()]),
      usedFrom: origin.sourceAddress,
      attemptHash: attempt ? hashSecret(attempt) : null,
      usedGeneration: generation,
    });
    if (used !== 1) throw unusable();
  }

  /**
   * Nobody has used it, or the same attempt has from the same address, a short while ago, and was handed out the same: it does not know whether
   * all of that arrived, and neither do we.
   */
  private usable({ attempt, origin }: Presented, generation?: number) {
    const now = this.clock.now();
    const again = attempt && {
      usedAt: { $gt: new Date(now.getTime() - GRACE) },
      usedFrom: origin.sourceAddress,
      attemptHash: hashSecret(attempt),
      ...(generation !== undefined && { usedGeneration: generation }),
    };
    return { expiresAt: { $gt: now }, $or: [{ usedAt: null }, ...(again ? [again] : [])] };
  }
}

export const unusable = () =>
  new DomainError(
    'not_found',
    'This download token is not valid here: it may have been used, have expired, or belong to something else. Ask for a new one.',
  );
