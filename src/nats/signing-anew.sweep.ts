import { Injectable } from '@nestjs/common';
import { Database, PLATFORM } from '../platform/database/index.js';
import { forEachPage, SweepService } from '../platform/sweep.js';
import { AccountService } from './account.service.js';
import { OperatorService } from './operator.service.js';

const INTERVAL = 2_000;
const BATCH = 200;

/** Signs the accounts anew that a key of the operator has signed which another one has replaced, one tenant after the other. */
@Injectable()
export class SigningAnewSweep extends SweepService {
  constructor(
    private readonly database: Database,
    private readonly operator: OperatorService,
    private readonly accounts: AccountService,
  ) {
    super(INTERVAL);
  }

  async run(): Promise<void> {
    const { signingKey } = await this.operator.current();
    await forEachPage(
      (lastId) => this.tenants(signingKey.publicKey, lastId),
      async (tenants) => {
        for (const { id } of tenants) await this.signAnew(id);
      },
    );
  }

  /** One that fails keeps no other from it; the next run tries again. */
  private async signAnew(tenantId: string): Promise<void> {
    try {
      await this.accounts.announce(...(await this.database.transaction({ tenantId }, (em) => this.accounts.signAnew(em, tenantId))));
    } catch (error) {
      this.logger.warn({ err: error, tenantId }, 'a tenant’s accounts were not signed anew; it is tried again');
    }
  }

  private tenants(key: string, lastId: string): Promise<{ id: string }[]> {
    return this.database.em(PLATFORM).execute<{ id: string }[]>(
      `select distinct tenant_id as id from nats_accounts where signed_by is distinct from ? and tenant_id > ? order by tenant_id limit ${BATCH}`,
      [key, lastId],
    );
  }
}
