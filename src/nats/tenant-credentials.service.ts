import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, type Secret } from '#libs/kernel';
import { type NatsAccount, NatsUser, type NatsUserPurpose } from '#libs/model';
import { type Permissions, personPermissions, streamReaderPermissions } from '#libs/nats';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { AccountService } from './account.service.js';
import { CredentialService } from './credential.service.js';

export interface PersonRequest {
  name: string;
  publish: string[];
  subscribe: string[];
  /** Seconds. */
  expiresIn: number;
}

/** Users of a leaf itself. */
const LEAF_PURPOSES: ReadonlySet<NatsUserPurpose> = new Set<NatsUserPurpose>(['leaf', 'leaf_control']);

/** What a tenant's people do with its NATS users: they make some for themselves, and see and revoke all. */
@Injectable()
export class TenantCredentials {
  constructor(
    private readonly database: Database,
    private readonly credentials: CredentialService,
    private readonly accounts: AccountService,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * A user for a person or a test, within the tenant's subjects, for a while.
   * @throws DomainError `validation_failed` naming each subject that cannot be given
   */
  async createForPerson(caller: Caller, asked: PersonRequest): Promise<{ user: NatsUser; creds: Secret }> {
    const permissions = personRules(asked);
    const tenantId = caller.tenantId;
    const expiresAt = new Date(this.clock.now().getTime() + asked.expiresIn * 1000);
    const { user, keyPair } = await this.database.transaction(caller.tenantScope, (em) =>
      this.credentials.intendPersonUser(em, { tenantId, name: asked.name, permissions, expiresAt }),
    );
    const creds = await this.credentials.sign(user, keyPair);
    const issued = await this.database.transaction(caller.tenantScope, async (em) => {
      this.audit.record(em, caller, {
        action: 'nats_user.create',
        subjectType: 'nats_user',
        subjectId: user.id,
        detail: { name: asked.name, publish: asked.publish, subscribe: asked.subscribe, expires_at: expiresAt.toISOString() },
      });
      return this.credentials.issue(em, user);
    });
    return { user: issued, creds };
  }

  async list(caller: Caller, query: PageQuery): Promise<Page<NatsUser>> {
    const where = { $and: [caller.readable('NatsCredential'), { status: ['issued', 'revoked'] }, after(query)] } as Where<NatsUser>;
    const rows = await this.database
      .em(caller.tenantScope)
      .find(NatsUser, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }

  /** @throws DomainError `not_found`, `forbidden`, `illegal_transition` when it is revoked already */
  async revoke(caller: Caller, id: string): Promise<NatsUser> {
    const { user, accounts } = await this.database.transaction(caller.tenantScope, async (em) => {
      const user = await em.findOne(NatsUser, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
      if (user === null) throw new DomainError('not_found', 'There is no such NATS user.');
      caller.authorize('revoke', 'NatsCredential', user);
      // Without its user a site is cut off: that takes whoever may give it a new one.
      if (LEAF_PURPOSES.has(user.purpose)) caller.authorize('regenerate', 'NatsLeafServer', user);
      return { user, accounts: await this.credentials.revokeAll(em, caller, [user]) };
    });
    await this.accounts.announce(...accounts);
    return user;
  }

  async account(caller: Caller): Promise<NatsAccount> {
    return this.accounts.accountOf(this.database.em(caller.tenantScope), caller.tenantId);
  }
}

/** Whoever may subscribe to subjects may also read them from the tenant's stream: that is where sites' messages are. */
function personRules(asked: PersonRequest): Permissions {
  const { publish, subscribe } = personPermissions(asked);
  if (asked.subscribe.length === 0) return { publish, subscribe };
  const reader = streamReaderPermissions(asked.subscribe);
  return {
    publish: { allow: [...publish.allow, ...reader.publish.allow] },
    subscribe: { allow: [...new Set([...subscribe.allow, ...reader.subscribe.allow])] },
  };
}
