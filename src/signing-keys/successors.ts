import { Injectable } from '@nestjs/common';
import { CollectorGenerations } from '../collectors/index.js';
import { LeafGenerations } from '../edge-sites/index.js';
import type { Caller } from '../platform/auth/index.js';
import { Database } from '../platform/database/index.js';

interface Outdated {
  /** Of the site or of the package. */
  id: string;
  generation: number;
}

interface Asked {
  tenantId: string;
  /** Whether those whose user is signed by a retiring key are about to be cut off. */
  cutOff: boolean;
}

/** Users of the newest generation of somebody that a retiring key has signed. */
const SIGNED = `
  nats_account_keys key
    join nats_users nats_user on nats_user.signing_key = key.public_key and nats_user.status = 'issued'`;

/** A leaf has a user of each account: it is asked for one generation, when the keys of both sign. */
const NONE_NEXT = `not exists (select from nats_account_keys next where next.tenant_id = key.tenant_id and next.status = 'next')`;

/** Gives leaves and packages whose users a retiring key has signed their next generation, whose users the active key signs. */
@Injectable()
export class Successors {
  constructor(
    private readonly database: Database,
    private readonly leaves: LeafGenerations,
    private readonly collectors: CollectorGenerations,
  ) {}

  /**
   * Asks for them; where they are asked for already, nothing happens. A leaf refuses users whose key it has not learnt of: a package of a site
   * has to wait until the site's leaf has, unless it is about to be cut off anyhow.
   */
  async request(caller: Caller, { tenantId, cutOff }: Asked): Promise<void> {
    const em = this.database.em({ tenantId });
    const sites = await em.execute<Outdated[]>(
      `select distinct leaf.edge_site_id as id, leaf.generation
         from ${SIGNED}
         join nats_leaf_servers leaf on leaf.edge_site_id = nats_user.edge_site_id and leaf.generation = nats_user.generation
        where key.tenant_id = ? and key.status = 'retiring' and nats_user.collector_package_id is null and leaf.status <> 'pending'
          and (? or ${NONE_NEXT})`,
      [tenantId, cutOff],
    );
    for (const { id, generation } of sites) await this.leaves.supersede(caller, id, generation);
    const packages = await em.execute<Outdated[]>(
      `select package.id, package.generation
         from ${SIGNED}
         join collector_packages package on package.id = nats_user.collector_package_id and package.generation = coalesce(nats_user.generation, 1)
         left join leaf_control_links link on link.edge_site_id = package.edge_site_id
        where key.tenant_id = ? and key.status = 'retiring' and package.status in ('ready', 'downloaded', 'installed')
          and (? or ${NONE_NEXT})
          and (? or package.edge_site_id is null or link.account_revision >= (select listed_revision from nats_account_keys active
                                                                              where active.account_id = key.account_id and active.status = 'active'))`,
      [tenantId, cutOff, cutOff],
    );
    for (const { id, generation } of packages) await this.collectors.supersede(caller, id, generation);
  }
}
