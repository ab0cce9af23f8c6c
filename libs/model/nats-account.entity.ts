import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

/**
 * `tenant`: what the tenant's messages go through, the same on the hub and on its leaves. `control`: at the hub only; over it the leaves
 * are told of new JWTs of the other.
 */
export type NatsAccountKind = 'tenant' | 'control';

const schema = defineEntity({
  name: 'NatsAccount',
  tableName: 'nats_accounts',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    kind: p.string().$type<NatsAccountKind>(),
    version: p.integer().version(),
    publicKey: p.string(),
    identitySeedCiphertext: p.text(),
    /** The key that signs users. */
    signingKey: p.string(),
    signingSeedCiphertext: p.text(),
    /** Keys that the JWT lists beside it, for those whom they have signed or will sign. */
    otherSigningKeys: p.json<string[]>(),
    /** User keys that may no longer connect, with the Unix second up to which their JWTs are refused. */
    revocations: p.json<Record<string, number>>(),
    jwt: p.text(),
    /** The operator's key that signed it. */
    signedBy: p.string().nullable(),
    /** Grows with each new `jwt`. */
    jwtRevision: p.integer(),
    /** The revision that the hub confirmed last; null when it has none yet. */
    pushedRevision: p.integer().nullable(),
    pushedAt: p.datetime().nullable(),
    createdAt: p.datetime(),
  },
});

/** A NATS account of a tenant, which has one of each kind. */
export class NatsAccount extends schema.class {
  get pushed(): boolean {
    return this.pushedRevision === this.jwtRevision;
  }
}
schema.setClass(NatsAccount);
