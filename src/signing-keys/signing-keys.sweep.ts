import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import { NatsAccountKey } from '#libs/model';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { RowSweep } from '../platform/sweep.js';
import { SigningKeysService } from './signing-keys.service.js';
import { Successors } from './successors.js';

const INTERVAL = 5_000;
const BATCH = 200;

/** How long a next key waits for leaves that are connected and do not confirm that they know it, in milliseconds. */
const PATIENCE = 60_000;

type RotatingKey = Pick<NatsAccountKey, 'id' | 'tenantId' | 'status'>;

/** Brings rotations of signing keys forward, each at its own pace. */
@Injectable()
export class SigningKeySweep extends RowSweep<RotatingKey> {
  constructor(
    private readonly database: Database,
    private readonly keys: SigningKeysService,
    private readonly successors: Successors,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(INTERVAL);
  }

  protected override page(lastId: string): Promise<RotatingKey[]> {
    const where = { id: { $gt: lastId }, status: ['next' as const, 'retiring' as const] };
    return this.database.em(PLATFORM).find(NatsAccountKey, where, { fields: ['id', 'tenantId', 'status'], orderBy: { id: 'asc' }, limit: BATCH });
  }

  protected override async work({ id, tenantId, status }: RotatingKey): Promise<void> {
    const caller = systemCaller('rotation', tenantId);
    if (status === 'next') {
      if (await this.isKnown(id)) await this.keys.activate(caller, id);
      return;
    }
    await this.successors.request(caller, { tenantId, cutOff: false });
    await this.keys.retire(caller, id, { force: false }).catch((error: unknown) => {
      if (!(error instanceof DomainError && error.code === 'signing_key_in_use')) throw error;
    });
  }

  /**
   * Whether servers take users that the key signs: the hub has confirmed the JWT that lists it, and so has each leaf that can be reached, if
   * it answers within a minute. A leaf that is away learns of it when it connects.
   */
  private async isKnown(id: string): Promise<boolean> {
    const [found] = await this.database.em(PLATFORM).execute<{ hub: boolean; leaves: boolean; waited: boolean }[]>(
      `select account.pushed_revision >= key.listed_revision as hub,
              account.kind = 'control' or not exists (
                select from leaf_control_links link
                 where link.tenant_id = key.tenant_id and (link.account_revision is null or link.account_revision < key.listed_revision)) as leaves,
              key.created_at < ? as waited
         from nats_account_keys key join nats_accounts account on account.id = key.account_id
        where key.id = ?`,
      [new Date(this.clock.now().getTime() - PATIENCE), id],
    );
    return found !== undefined && found.hub && (found.leaves || found.waited);
  }
}
