import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import { NatsOperator, NatsOperatorKey } from '#libs/model';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { type RotationFacts, whyNotActivate, whyNotRetire } from './operator-rotation.js';
import { OperatorService } from './operator.service.js';

const EXAMPLES = 5;

/** The operator, with how far its keys are. */
export interface OperatorState extends RotationFacts {
  operator: NatsOperator;
  keys: NatsOperatorKey[];
}

/**
 * Replaces the operator's signing key by another one, with overlap: the next one is made and listed in the operator's JWT, which hub and
 * leaves have to have before it signs; accounts are signed anew with it; the old one leaves the operator's JWT. Each step is a call of its
 * own, taken under the lock that keeps everybody else from signing.
 */
@Injectable()
export class OperatorRotation {
  constructor(
    private readonly database: Database,
    private readonly operator: OperatorService,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws DomainError `forbidden` */
  async state(caller: Caller): Promise<OperatorState> {
    caller.authorize('read', 'NatsOperator');
    return this.gather(this.database.em(PLATFORM));
  }

  /**
   * Makes the next key, and an operator's JWT that lists it beside the one that signs. Sites get new bundles with it from now on.
   * @throws DomainError `forbidden`; `conflict` while another rotation is under way
   */
  begin(caller: Caller): Promise<OperatorState> {
    return this.step(caller, (em, { operator, keys }) => {
      const other = keys.find(({ status }) => status === 'next' || status === 'retiring');
      if (other !== undefined) throw underWay(other);
      const key = this.operator.newKey(operator);
      em.persist(key);
      this.operator.list(operator, [...listed(keys), key.publicKey]);
      this.record(em, caller, 'create', key);
    });
  }

  /**
   * Signs accounts with the key from now on; workers sign those that there are anew. Leaves that do not know the key are not told of accounts any
   * more, until they have a bundle that does.
   * @param force although hub or sites do not know it
   * @throws DomainError `not_found`, `forbidden`, `illegal_transition`; `conflict` when hub or sites do not know it yet
   */
  activate(caller: Caller, id: string, { force }: { force: boolean }): Promise<OperatorState> {
    return this.step(caller, async (em, state) => {
      const key = keyOf(state, id);
      key.checkPossible('ACTIVATE');
      const refusal = whyNotActivate(key, state);
      if (refusal !== undefined && !force) throw new DomainError('conflict', `The key cannot sign yet. ${refusal} With force, it signs all the same.`);
      state.keys.find(({ status }) => status === 'active')!.replace();
      // One at a time is active, in the database, too.
      await em.flush();
      key.activate(this.clock.now());
      this.operator.signSystemAccounts(state.operator, key);
      this.record(em, caller, 'activate', key, { forced: refusal !== undefined, sites_behind: state.sitesBehind.count });
    });
  }

  /**
   * Takes a key that was replaced, or one that never signed, out of the operator's JWT, and forgets it. Sites get new bundles from now on.
   * @param force although the hub has not confirmed all accounts
   * @throws DomainError `not_found`, `forbidden`, `illegal_transition`; `conflict` while accounts are left that it has signed
   */
  retire(caller: Caller, id: string, { force }: { force: boolean }): Promise<OperatorState> {
    return this.step(caller, (em, state) => {
      const key = keyOf(state, id);
      key.checkPossible('RETIRE');
      const refusal = key.status === 'retiring' ? whyNotRetire(state, force) : undefined;
      if (refusal !== undefined) throw new DomainError('conflict', `The key cannot be retired yet. ${refusal}`);
      key.retire(this.clock.now());
      this.operator.list(state.operator, listed(state.keys));
      // Where processes from before there were several keys would find it.
      if (state.operator.signingKey === key.publicKey) Object.assign(state.operator, { signingKey: null, signingSeedCiphertext: null });
      this.record(em, caller, 'retire', key, { forced: state.accountsToPush > 0, accounts_to_push: state.accountsToPush });
    });
  }

  /** One step at a time, while nobody signs. */
  private async step(caller: Caller, take: (em: Em, state: OperatorState) => Promise<void> | void): Promise<OperatorState> {
    caller.authorize('update', 'NatsOperator');
    await this.database.transaction(PLATFORM, async (em) => {
      await this.operator.lock(em);
      await take(em, await this.gather(em));
    });
    return this.state(caller);
  }

  private async gather(em: Em): Promise<OperatorState> {
    const operator = await em.findOneOrFail(NatsOperator, { id: { $ne: null } });
    const keys = await em.find(NatsOperatorKey, {}, { orderBy: { id: 'desc' } });
    const active = keys.find(({ status }) => status === 'active')!;
    const [accounts] = await em.execute<{ unsigned: number; unpushed: number }[]>(
      `select count(*) filter (where signed_by is distinct from ?)::int as unsigned,
              count(*) filter (where pushed_revision is distinct from jwt_revision)::int as unpushed
         from nats_accounts`,
      [active.publicKey],
    );
    return {
      operator,
      keys,
      hubKeys: operator.hubSigningKeys ?? null,
      sitesBehind: await sitesBehind(em, operator.jwtRevision),
      accountsToSign: accounts!.unsigned,
      accountsToPush: accounts!.unpushed,
    };
  }

  private record(em: Em, caller: Caller, verb: string, { id, publicKey }: NatsOperatorKey, detail: Record<string, unknown> = {}): void {
    const deed = { action: `nats_operator_key.${verb}`, subjectType: 'nats_operator_key', subjectId: id, detail: { public_key: publicKey, ...detail } };
    this.audit.record(em, caller.ofThePlatform(), deed);
  }
}

/** Keys that the operator's JWT lists. */
const listed = (keys: readonly NatsOperatorKey[]): string[] =>
  keys.filter(({ status }) => status !== 'retired').map(({ publicKey }) => publicKey);

function keyOf({ keys }: OperatorState, id: string): NatsOperatorKey {
  const key = keys.find((one) => one.id === id);
  if (key === undefined) throw new DomainError('not_found', 'The operator has no such signing key.');
  return key;
}

function underWay({ publicKey, status }: NatsOperatorKey): DomainError {
  const detail = `Another signing key is being brought in, or taken out, already: ${publicKey} is ${status}. Finish with that, or retire it, first.`;
  return new DomainError('conflict', detail);
}

/** Sites that have connected, with a generation whose bundle holds an older JWT of the operator. */
async function sitesBehind(em: Em, jwtRevision: number): Promise<RotationFacts['sitesBehind']> {
  const rows = await em.execute<{ name: string; count: number }[]>(
    `select tenant.slug || '/' || site.slug as name, count(*) over ()::int as count
       from nats_leaf_servers leaf
       join edge_sites site on site.id = leaf.edge_site_id
       join tenants tenant on tenant.id = leaf.tenant_id
      where leaf.installed_generation is not null
        and not exists (select from nats_users holder
                         where holder.edge_site_id = leaf.edge_site_id and holder.generation = leaf.installed_generation
                           and holder.purpose = 'leaf_control' and holder.operator_revision >= ?)
      order by name limit ${EXAMPLES}`,
    [jwtRevision],
  );
  return { count: rows[0]?.count ?? 0, examples: rows.map(({ name }) => name) };
}
