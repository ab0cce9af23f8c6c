import { defineEntity, p } from '@mikro-orm/core';

const schema = defineEntity({
  name: 'NatsOperator',
  tableName: 'nats_operators',
  properties: {
    id: p.uuid().primary(),
    version: p.integer().version(),
    publicKey: p.string(),
    identitySeedCiphertext: p.text(),
    /** The first signing key, from before there could be several; it is gone from here when that one is retired. */
    signingKey: p.string().nullable(),
    signingSeedCiphertext: p.text().nullable(),
    jwt: p.text(),
    /** Grows with each new `jwt`. */
    jwtRevision: p.integer(),
    /** The signing keys that the hub trusts, as it said when it was last asked; null when it has not been. */
    hubSigningKeys: p.json<string[]>().nullable(),
    systemAccountKey: p.string(),
    systemAccountJwt: p.text(),
    systemAccountSeedCiphertext: p.text(),
    /** The system account of all leaves. Null only until the first start that knows of it. */
    leafSystemAccountKey: p.string().nullable(),
    leafSystemAccountJwt: p.text().nullable(),
    createdAt: p.datetime(),
  },
});

/** The operator of the hub and of all leaves, with the hub's system account. There is one. */
export class NatsOperator extends schema.class {}
schema.setClass(NatsOperator);
