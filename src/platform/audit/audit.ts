import { Inject, Injectable } from '@nestjs/common';
import { type Clock, newId, type Random } from '#libs/kernel';
import { AuditEvent } from '#libs/model';
import type { Caller } from '../auth/index.js';
import { CLOCK, RANDOM } from '../clock.js';
import type { Em } from '../database/index.js';

interface Deed {
  /** `<noun>.<verb>`, as `edge_site.create`. */
  action: string;
  subjectType: string;
  subjectId: string | null;
  /** Never a secret. */
  detail?: Record<string, unknown>;
}

/** Writes down who did what. */
@Injectable()
export class Audit {
  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** Adds a row to the transaction of the deed: both are kept, or neither. */
  record(em: Em, { principal, origin }: Caller, { action, subjectType, subjectId, detail = {} }: Deed): void {
    em.create(
      AuditEvent,
      {
        id: newId(this.clock, this.random),
        tenantId: principal.tenantId,
        at: this.clock.now(),
        actor: principal.actor,
        action,
        subjectType,
        subjectId,
        ...origin,
        detail,
      },
      { persist: true },
    );
  }
}
