import { Injectable } from '@nestjs/common';
import type { EdgeSite } from '#libs/model';
import { HubAddress } from '../nats/index.js';

/** What collectors dial: their site's leaf, or the hub. */
@Injectable()
export class NatsUrls {
  constructor(private readonly hub: HubAddress) {}

  /** @returns null for a site that has not said yet how its leaf is reached */
  of(site: Pick<EdgeSite, 'natsLeafUrl'> | null): string | null {
    return site === null ? this.hub.publicUrl : (site.natsLeafUrl ?? null);
  }
}
