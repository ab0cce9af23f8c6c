import { type SignedArtifactEvent, type SignedArtifactStatus, signedArtifactLifecycle } from '#libs/lifecycle';
import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

/** A leaf has two: `leaf` carries its messages, over `leaf_control` it learns of new JWTs of the tenant's account. */
export type NatsUserPurpose = 'leaf' | 'leaf_control' | 'collector' | 'person';

const schema = defineEntity({
  name: 'NatsUser',
  tableName: 'nats_users',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    accountId: p.uuid(),
    purpose: p.string().$type<NatsUserPurpose>(),
    status: p.string().$type<SignedArtifactStatus>(),
    version: p.integer().version(),
    name: p.string(),
    publicKey: p.string(),
    /** The key of the account that signs it. Null only of what a process of an earlier version makes. */
    signingKey: p.string().nullable(),
    publish: p.json<string[]>(),
    subscribe: p.json<string[]>(),
    expiresAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
    edgeSiteId: p.uuid().nullable(),
    generation: p.integer().nullable(),
    /** The `jwtRevision` of the operator in the bundle that it is in: which keys the leaf trusts that connects as this user. */
    operatorRevision: p.integer().nullable(),
    collectorPackageId: p.uuid().nullable(),
    createdAt: p.datetime(),
  },
});

/** A NATS user whose JWT was signed, or was going to be: its key is on record before the signature is made. */
export class NatsUser extends schema.class {
  apply(event: SignedArtifactEvent): void {
    this.status = signedArtifactLifecycle.next(this.status, event);
  }
}
schema.setClass(NatsUser);
