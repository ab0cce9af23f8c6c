import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Config } from '../platform/config/index.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { Metrics } from '../platform/metrics/index.js';
import { HubConnection } from './hub-connection.js';

const PENDING = `
  select (select count(*)::integer from nats_accounts where pushed_revision is distinct from jwt_revision) as hub,
         (select count(*)::integer from leaf_control_links link join nats_accounts account using (tenant_id)
           where account.kind = 'tenant' and link.account_revision is distinct from account.jwt_revision) as leaves`;

const PUSHES = {
  nats_account_pushes_pending: 'Accounts whose newest JWT the hub has not confirmed.',
  leaf_account_pushes_pending: 'Leaves with a control link that have not confirmed the newest JWT of their account.',
};

/** Tells Prometheus whether the hub is there, and whether it and the leaves know the newest accounts, and so all revocations. */
@Injectable()
export class HubMetrics implements OnModuleInit {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly hub: HubConnection,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauges(PUSHES, [], async (gauges) => {
      const [pending] = await this.database.statement<{ hub: number; leaves: number }>(PLATFORM, PENDING, []);
      gauges.nats_account_pushes_pending.set(pending!.hub);
      gauges.leaf_account_pushes_pending.set(pending!.leaves);
    });
    const { roles } = this.config;
    if (!roles.includes('worker') && !roles.includes('monitor')) return;
    this.metrics.gauges({ hub_connected: 'Whether this process is connected to the hub.' }, [], ({ hub_connected }) => {
      hub_connected.set(this.hub.connected ? 1 : 0);
      return Promise.resolve();
    });
  }
}
