import { Injectable } from '@nestjs/common';
import { Database, PLATFORM } from '../platform/database/index.js';
import { RowSweep } from '../platform/sweep.js';
import { AccountService } from './account.service.js';
import { OperatorService } from './operator.service.js';

const INTERVAL = 2_000;
const BATCH = 200;

interface TenantToSign {
  id: string;
}

/** Signs the accounts anew that a key of the operator has signed which another one has replaced, one tenant after the other. */
@Injectable()
export class SigningAnewSweep extends RowSweep<TenantToSign> {
  constructor(
    private readonly database: Database,
    private readonly operator: OperatorService,
    private readonly accounts: AccountService,
  ) {
    super(INTERVAL);
  }

  protected override async page(lastId: string): Promise<TenantToSign[]> {
    const { signingKey } = await this.operator.current();
    return this.database.em(PLATFORM).execute<TenantToSign[]>(
      `select distinct tenant_id as id from nats_accounts where signed_by is distinct from ? and tenant_id > ? order by tenant_id limit ${BATCH}`,
      [signingKey.publicKey, lastId],
    );
  }

  protected override async work({ id: tenantId }: TenantToSign): Promise<void> {
    await this.accounts.announce(...(await this.database.transaction({ tenantId }, (em) => this.accounts.signAnew(em, tenantId))));
  }
}
