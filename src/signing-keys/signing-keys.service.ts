import { Injectable } from '@nestjs/common';
import { NatsAccount, NatsAccountKey } from '#libs/model';
import { AccountKeys, AccountService } from '../nats/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { after, type Page, type PageQuery, pageOf } from '../platform/paging/index.js';
import { Successors } from './successors.js';

/** A signing key as people see it. */
export interface SigningKeyView {
  key: NatsAccountKey;
  account: NatsAccount;
  liveUsers: number;
}

/**
 * The rotation of the keys that sign a tenant's NATS users. It goes on by itself (`SigningKeySweep`): the next key signs when the hub lists
 * it, leaves and packages get new users, and the key before is retired when it has signed nobody that is good any more.
 */
@Injectable()
export class SigningKeysService {
  constructor(
    private readonly database: Database,
    private readonly keys: AccountKeys,
    private readonly accounts: AccountService,
    private readonly successors: Successors,
    private readonly audit: Audit,
  ) {}

  async list(caller: Caller, query: PageQuery): Promise<Page<SigningKeyView>> {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const where = { $and: [caller.readable('NatsAccount'), after(query)] } as Where<NatsAccountKey>;
      const rows = await em.find(NatsAccountKey, where, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
      const page = pageOf(rows, query.limit);
      return { ...page, data: await this.views(em, page.data) };
    });
  }

  /** @throws DomainError `conflict` while an earlier rotation is under way */
  async rotate(caller: Caller): Promise<SigningKeyView[]> {
    const { accounts, views } = await this.database.transaction(caller.tenantScope, async (em) => {
      const { accounts, keys } = await this.keys.next(em, caller.tenantId);
      for (const key of keys) this.record(em, caller, 'nats_signing_key.rotate', key);
      await em.flush();
      return { accounts, views: await this.views(em, keys) };
    });
    await this.accounts.announce(...accounts);
    return views;
  }

  /**
   * Retires a key before it would go by itself.
   * @param force although it has signed users that are good. Leaves and packages are given new ones before that
   * @throws DomainError `not_found`; `illegal_transition` unless it is retiring; `signing_key_in_use` without `force`
   */
  async retire(caller: Caller, id: string, { force }: { force: boolean }): Promise<SigningKeyView> {
    if (force) await this.successors.request(caller, { tenantId: caller.tenantId, cutOff: true });
    const { account, view } = await this.database.transaction(caller.tenantScope, async (em) => {
      const where = { $and: [caller.permitted('revoke', 'NatsAccount'), { id }] } as Where<NatsAccountKey>;
      const { account, key, revoked } = await this.keys.retire(em, where, { force });
      this.record(em, caller, 'nats_signing_key.retire', key, { force, revoked_users: revoked.length });
      await em.flush();
      return { account, view: (await this.views(em, [key]))[0]! };
    });
    await this.accounts.announce(account);
    return view;
  }

  /** Lets the next key sign, when that is still to be done. */
  async activate(caller: Caller, id: string): Promise<void> {
    await this.database.transaction(caller.tenantScope, async (em) => {
      const key = await this.keys.activate(em, id);
      if (key !== undefined) this.record(em, caller, 'nats_signing_key.activate', key);
    });
  }

  private async views(em: Em, keys: readonly NatsAccountKey[]): Promise<SigningKeyView[]> {
    const accounts = new Map((await em.find(NatsAccount, { id: keys.map(({ accountId }) => accountId) })).map((account) => [account.id, account]));
    const live = await this.keys.liveUsers(em, keys.map(({ publicKey }) => publicKey));
    return keys.map((key) => ({ key, account: accounts.get(key.accountId)!, liveUsers: live.get(key.publicKey) ?? 0 }));
  }

  private record(em: Em, caller: Caller, action: string, { id, publicKey }: NatsAccountKey, detail: Record<string, unknown> = {}): void {
    this.audit.record(em, caller, { action, subjectType: 'nats_signing_key', subjectId: id, detail: { public_key: publicKey, ...detail } });
  }
}
