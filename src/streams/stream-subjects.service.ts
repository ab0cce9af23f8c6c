import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { TenantStream } from '#libs/model';
import { checkAddedSubjects } from '#libs/nats';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import type { Precondition } from '../platform/conditional/index.js';
import { Database, type Where } from '../platform/database/index.js';
import { Streams } from './streams-queue.js';

@Injectable()
export class StreamSubjectsService {
  constructor(
    private readonly database: Database,
    private readonly streams: Streams,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @returns null when the tenant has never changed it */
  get(caller: Caller): Promise<TenantStream | null> {
    const where = { $and: [caller.readable('StreamSubjects'), { tenantId: caller.tenantId }] } as Where<TenantStream>;
    return this.database.em(caller.tenantScope).findOne(TenantStream, where);
  }

  /**
   * Says what the tenant's streams store besides what collectors publish; each is changed as its server runs.
   * @throws DomainError `validation_failed`, `stale`
   */
  async set(caller: Caller, addedSubjects: string[], precondition?: Precondition): Promise<TenantStream> {
    const { tenantId } = caller;
    caller.authorize('update', 'StreamSubjects', { tenantId });
    checkAddedSubjects(addedSubjects);
    const stream = await this.database.transaction(caller.tenantScope, async (em) => {
      // There may be no row yet to lock.
      await em.execute('select pg_advisory_xact_lock(hashtext(?))', [`stream subjects ${tenantId}`]);
      const version = versionOf(await em.findOne(TenantStream, { tenantId }));
      precondition?.check(version, 'list of subjects');
      this.audit.record(em, caller, { action: 'stream_subjects.update', subjectType: 'tenant', subjectId: tenantId, detail: { added: addedSubjects } });
      return em.upsert(TenantStream, { tenantId, addedSubjects, settingsVersion: version + 1, updatedAt: this.clock.now() });
    });
    await this.streams.requestTenant(tenantId);
    return stream;
  }
}

/** 0 as long as nobody has changed it. */
export const versionOf = (stream: TenantStream | null): number => stream?.settingsVersion ?? 0;
