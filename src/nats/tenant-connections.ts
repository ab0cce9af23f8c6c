import type { NatsConnection } from '@nats-io/transport-node';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { NatsAccount, NatsAccountKind } from '#libs/model';
import {
  agentResultsServicePermissions,
  alertServicePermissions,
  leafAccountServicePermissions,
  leafConnectionsServicePermissions,
  type Permissions,
  streamServicePermissions,
} from '#libs/nats';
import { Database } from '../platform/database/index.js';
import { AccountService } from './account.service.js';
import { HubClient } from './hub-client.js';

/** How long a connection that nobody uses is kept, in milliseconds. */
const IDLE = 60_000;

interface Kept {
  connection: Promise<NatsConnection>;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * What a connection is for: to see to a tenant's streams, to push its account to its leaves, to ask them who is connected, to hand on agents'
 * results, or to tell of alerts.
 */
export type TenantTask = 'streams' | 'leaf-accounts' | 'leaf-connections' | 'agent-results' | 'alerts';

interface TaskUser {
  name: string;
  permissions: Permissions;
  account: NatsAccountKind;
}

const USERS: Record<TenantTask, TaskUser> = {
  streams: { name: 'stream-reconciler', permissions: streamServicePermissions(), account: 'tenant' },
  'leaf-accounts': { name: 'leaf-accounts', permissions: leafAccountServicePermissions(), account: 'control' },
  'leaf-connections': { name: 'leaf-connections', permissions: leafConnectionsServicePermissions(), account: 'control' },
  'agent-results': { name: 'agent-results', permissions: agentResultsServicePermissions(), account: 'tenant' },
  alerts: { name: 'alerts', permissions: alertServicePermissions(), account: 'tenant' },
};

/** Connections to the hub in the tenants' accounts, each as a narrow user for one task. */
@Injectable()
export class TenantConnections implements OnApplicationShutdown {
  readonly #kept = new Map<string, Kept>();

  constructor(
    private readonly database: Database,
    private readonly accounts: AccountService,
    private readonly client: HubClient,
  ) {}

  /**
   * Lends a connection for a piece of work. It is made when there is none, and closed when nobody has used it for a while. One whose user was
   * signed by an earlier key of the account is not lent any more: the hub may refuse it.
   */
  async use<T>(tenantId: string, task: TenantTask, work: (connection: NatsConnection) => Promise<T>): Promise<T> {
    const account = await this.accounts.accountOf(this.database.em({ tenantId }), tenantId, USERS[task].account);
    const key = `${task} ${tenantId} ${account.signingKey}`;
    const kept = this.lend(key, () => this.open(account, USERS[task]));
    try {
      return await work(await kept.connection);
    } finally {
      this.giveBack(key, kept);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    for (const { connection, timer } of all) {
      clearTimeout(timer);
      await connection.then((one) => one.close(), () => undefined);
    }
  }

  private lend(key: string, open: () => Promise<NatsConnection>): Kept {
    const kept = this.#kept.get(key) ?? this.keep(key, open());
    clearTimeout(kept.timer);
    kept.users += 1;
    return kept;
  }

  private keep(key: string, connection: Promise<NatsConnection>): Kept {
    const kept = { connection, users: 0, timer: undefined };
    this.#kept.set(key, kept);
    // One that could not be opened is not kept.
    connection.catch(() => this.forget(key, kept));
    return kept;
  }

  private forget(key: string, kept: Kept): void {
    if (this.#kept.get(key) === kept) this.#kept.delete(key);
  }

  private giveBack(key: string, kept: Kept): void {
    kept.users -= 1;
    if (kept.users > 0) return;
    kept.timer = setTimeout(() => {
      this.forget(key, kept);
      void kept.connection.then((connection) => connection.close(), () => undefined);
    }, IDLE);
    kept.timer.unref();
  }

  private async open(account: NatsAccount, { name, permissions }: TaskUser): Promise<NatsConnection> {
    const user = { name, account: account.publicKey, signer: this.accounts.signingKey(account), permissions };
    return this.client.connect(user, { timeout: 3_000 });
  }
}
