import type { NatsConnection } from '@nats-io/transport-node';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { streamServicePermissions } from '#libs/nats';
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

/** Connections to the hub in the tenants' accounts, as the narrow user that sees to their streams. */
@Injectable()
export class TenantConnections implements OnApplicationShutdown {
  readonly #kept = new Map<string, Kept>();

  constructor(
    private readonly database: Database,
    private readonly accounts: AccountService,
    private readonly client: HubClient,
  ) {}

  /** Lends a connection for a piece of work. It is made when there is none, and closed when nobody has used it for a while. */
  async use<T>(tenantId: string, work: (connection: NatsConnection) => Promise<T>): Promise<T> {
    const kept = this.lend(tenantId);
    try {
      return await work(await kept.connection);
    } finally {
      this.giveBack(tenantId, kept);
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

  private lend(tenantId: string): Kept {
    const kept = this.#kept.get(tenantId) ?? this.keep(tenantId);
    clearTimeout(kept.timer);
    kept.users += 1;
    return kept;
  }

  private keep(tenantId: string): Kept {
    const kept = { connection: this.open(tenantId), users: 0, timer: undefined };
    this.#kept.set(tenantId, kept);
    // One that could not be opened is not kept.
    kept.connection.catch(() => this.forget(tenantId, kept));
    return kept;
  }

  private forget(tenantId: string, kept: Kept): void {
    if (this.#kept.get(tenantId) === kept) this.#kept.delete(tenantId);
  }

  private giveBack(tenantId: string, kept: Kept): void {
    kept.users -= 1;
    if (kept.users > 0) return;
    kept.timer = setTimeout(() => {
      this.forget(tenantId, kept);
      void kept.connection.then((connection) => connection.close(), () => undefined);
    }, IDLE);
    kept.timer.unref();
  }

  private async open(tenantId: string): Promise<NatsConnection> {
    const account = await this.accounts.accountOf(this.database.em({ tenantId }), tenantId);
    const user = {
      name: 'stream-reconciler',
      account: account.publicKey,
      signer: this.accounts.signingKey(account),
      permissions: streamServicePermissions(),
    };
    return this.client.connect(user, { timeout: 3_000 });
  }
}
