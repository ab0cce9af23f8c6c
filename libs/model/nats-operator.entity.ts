import { defineEntity, p } from '@mikro-orm/core';

const schema = defineEntity({
  name: 'NatsOperator',
  tableName: 'nats_operators',
  properties: {
    id: p.uuid().primary(),
    publicKey: p.string(),
    identitySeedCiphertext: p.text(),
    signingKey: p.string(),
    signingSeedCiphertext: p.text(),
    jwt: p.text(),
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
