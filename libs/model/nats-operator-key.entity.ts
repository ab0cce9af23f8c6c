import { type SigningKeyEvent, type SigningKeyStatus, signingKeyLifecycle } from '#libs/lifecycle';
import { defineEntity, p } from '@mikro-orm/core';

const schema = defineEntity({
  name: 'NatsOperatorKey',
  tableName: 'nats_operator_keys',
  properties: {
    id: p.uuid().primary(),
    status: p.string().$type<SigningKeyStatus>(),
    version: p.integer().version(),
    publicKey: p.string(),
    /** Null once it is retired: nobody signs with it any more. */
    seedCiphertext: p.text().nullable(),
    /** The first `jwtRevision` of the operator that lists it. */
    sinceRevision: p.integer(),
    createdAt: p.datetime(),
    activatedAt: p.datetime().nullable(),
    retiredAt: p.datetime().nullable(),
  },
});

/** A key that signs account JWTs in place of the operator's identity key. One at a time does; there is at most one in each state but `retired`. */
export class NatsOperatorKey extends schema.class {
  activate(at: Date): void {
    this.apply('ACTIVATE');
    this.activatedAt = at;
  }

  /** Another key signs from now on. */
  replace(): void {
    this.apply('REPLACE');
  }

  retire(at: Date): void {
    this.apply('RETIRE');
    this.seedCiphertext = null;
    this.retiredAt = at;
  }

  /** @throws DomainError `illegal_transition` when the event is not possible now; changes nothing */
  checkPossible(event: SigningKeyEvent): void {
    signingKeyLifecycle.next(this.status, event);
  }

  private apply(event: SigningKeyEvent): void {
    this.status = signingKeyLifecycle.next(this.status, event);
  }
}
schema.setClass(NatsOperatorKey);
