import { defineEntity, p } from '@mikro-orm/core';

const schema = defineEntity({
  name: 'EnrollmentKey',
  tableName: 'enrollment_keys',
  properties: {
    id: p.uuid().primary(),
    /** SubjectPublicKeyInfo, PEM; Ed25519. */
    publicKeyPem: p.text(),
    privateKeyCiphertext: p.text(),
    createdAt: p.datetime(),
  },
});

/** What signs enrolment tokens, so that whoever is handed one can tell that it is ours before fetching anything. */
export class EnrollmentKey extends schema.class {}
schema.setClass(EnrollmentKey);
