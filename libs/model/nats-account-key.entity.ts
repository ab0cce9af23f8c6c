import { type AccountKeyEvent, type AccountKeyStatus, accountKeyLifecycle } from '#libs/lifecycle';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'NatsAccountKey',
  tableName: 'nats_account_keys',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    status: p.string().$type<AccountKeyStatus>(),
    version: p.integer().version(),
    publicKey: p.string(),
    /** While it is next. The active key's is the account's; a retiring key's is forgotten, as it signs nothing any more. */
    seedCiphertext: p.text().nullable(),
    /** The first `jwtRevision` of the account that lists it. */
    listedRevision: p.integer(),
    statusSince: p.datetime(),
    createdAt: p.datetime(),
  },
});

/** A key that signs, will sign, or has signed the users of an account. */
export class NatsAccountKey extends schema.class {
  apply(event: AccountKeyEvent, at: Date): void {
    this.status = accountKeyLifecycle.next(this.status, event);
    this.statusSince = at;
  }
}
schema.setClass(NatsAccountKey);
