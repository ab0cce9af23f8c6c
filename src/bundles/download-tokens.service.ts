import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random, Secret } from '#libs/kernel';
import { type DownloadPurpose, DownloadToken } from '#libs/model';
import { Audit } from '../platform/audit/index.js';
import { type Caller, hashSecret } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';

/** What a token is good for: one thing of one object. */
export interface DownloadTarget {
  purpose: DownloadPurpose;
  objectId: string;
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
   * @throws DomainError `not_found`, the same for a wrong, used, expired and foreign one
   */
  async find(token: Secret, target: DownloadTarget): Promise<DownloadToken> {
    const found = await this.database.em(PLATFORM).findOne(DownloadToken, this.usable(token, target));
    if (found === null) throw unusable();
    return found;
  }

  /**
   * Uses the token up: of any number of calls at once, one succeeds.
   * @throws DomainError `not_found`
   */
  async use(em: Em, token: Secret, target: DownloadTarget, sourceAddress: string | null): Promise<void> {
    const used = await em.nativeUpdate(DownloadToken, this.usable(token, target), {
      usedAt: this.clock.now(),
      usedFrom: sourceAddress,
    });
    if (used !== 1) throw unusable();
  }

  private usable(token: Secret, target: DownloadTarget) {
    return { ...target, secretHash: hashSecret(token), usedAt: null, expiresAt: { $gt: this.clock.now() } };
  }
}

export const unusable = () =>
  new DomainError(
    'not_found',
    'This download token is not valid here: it may have been used, have expired, or belong to something else. Ask for a new one.',
  );
