import { Injectable } from '@nestjs/common';
import { leafServerName } from '#libs/nats';
import { CollectorPresence, type ExpectedCollectors } from '../collectors/index.js';
import { HubConnection, TenantConnections } from '../nats/index.js';
import { SweepService } from '../platform/sweep.js';
import { usersAtHub, usersAtLeaf } from './connected-users.js';
import { Leadership } from './leadership.js';

const INTERVAL = 2_000;

/**
 * Finds out which collectors that are expected have come, by asking the hub and the leaves of sites who is connected. Nobody is asked where
 * nobody is expected. A leaf is believed of the collectors of its own site only; and as nobody tells it whom to look for, it can only name
 * whom it has seen. As with the presence of leaves, one process does so.
 */
@Injectable()
export class CollectorWatch extends SweepService {
  constructor(
    private readonly leadership: Leadership,
    private readonly hub: HubConnection,
    private readonly connections: TenantConnections,
    private readonly presence: CollectorPresence,
  ) {
    super(INTERVAL);
  }

  /** All are asked at once: a leaf that is silent keeps nobody waiting but the next run. */
  async run(): Promise<void> {
    if (!this.leadership.held || !this.hub.connected) return;
    const places = await this.presence.expected();
    const looked = await Promise.allSettled(places.map((place) => this.look(place)));
    // What is not a leaf's own fault goes wrong for many of them: it is said once.
    const failed = looked.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  private async look(place: ExpectedCollectors): Promise<void> {
    const users = await this.usersAt(place);
    await this.presence.seen(place.tenantId, place.users.filter((user) => users.has(user)));
  }

  private usersAt({ tenantId, account, siteSlug }: ExpectedCollectors): Promise<Set<string>> {
    if (siteSlug === null) return usersAtHub(this.hub, account);
    return this.connections.use(tenantId, 'leaf-connections', (connection) => usersAtLeaf(connection, account, leafServerName(siteSlug)));
  }
}
