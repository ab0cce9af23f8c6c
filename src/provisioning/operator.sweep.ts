import { Injectable } from '@nestjs/common';
import { LeafGenerations } from '../edge-sites/index.js';
import { OperatorService } from '../nats/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { forEachPage, SweepService } from '../platform/sweep.js';

const INTERVAL = 2_000;
const BATCH = 200;

interface Outdated {
  id: string;
  tenantId: string;
  edgeSiteId: string;
}

/** Asks for the next generation of each leaf whose newest bundle holds an older JWT of the operator than there is. */
@Injectable()
export class OperatorSweep extends SweepService {
  /** The revision of which no leaf is behind any more: whatever is provisioned later has it. */
  #done = 0;

  constructor(
    private readonly database: Database,
    private readonly operator: OperatorService,
    private readonly generations: LeafGenerations,
  ) {
    super(INTERVAL);
  }

  async run(): Promise<void> {
    const { jwtRevision } = await this.operator.current();
    if (jwtRevision === this.#done) return;
    let failed = false;
    await forEachPage(
      (lastId) => this.page(jwtRevision, lastId),
      async (outdated) => {
        for (const leaf of outdated) failed = !(await this.renew(leaf, jwtRevision)) || failed;
      },
    );
    if (!failed) this.#done = jwtRevision;
  }

  /** One that cannot be renewed keeps no other from it; the next run tries again. */
  private async renew({ id, tenantId, edgeSiteId }: Outdated, jwtRevision: number): Promise<boolean> {
    try {
      await this.generations.followOperator(systemCaller('operator-rotation', tenantId), edgeSiteId, jwtRevision);
      return true;
    } catch (error) {
      this.logger.warn({ err: error, leaf: id }, 'a leaf does not follow the operator yet; it is tried again');
      return false;
    }
  }

  private page(jwtRevision: number, lastId: string): Promise<Outdated[]> {
    return this.database.em(PLATFORM).execute<Outdated[]>(
      `select leaf.id, leaf.tenant_id as "tenantId", leaf.edge_site_id as "edgeSiteId"
         from nats_leaf_servers leaf
        where leaf.status <> 'pending' and leaf.id > ?
          and not exists (select from nats_users holder
                           where holder.edge_site_id = leaf.edge_site_id and holder.generation = leaf.provisioned_generation
                             and holder.purpose = 'leaf_control' and holder.operator_revision >= ?)
        order by leaf.id limit ${BATCH}`,
      [lastId, jwtRevision],
    );
  }
}
