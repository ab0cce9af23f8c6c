import { Injectable } from '@nestjs/common';
import { Batches, DomainError, type Outcome } from '#libs/kernel';
import { isDatabaseAway } from '../platform/database/index.js';
import { LeafProvisioner, type LeafGeneration } from './leaf-provisioner.js';

/** Leaves in one run. Their rows stay locked for as long as it takes. */
const BATCH = 32;

/** Puts leaves of one tenant that wait at the same time into one run: alone, each would cost thirty queries. */
@Injectable()
export class ProvisioningBatches {
  readonly #batches = new Batches<LeafGeneration, boolean>(BATCH, (tenantId, leaves) => this.run(tenantId, leaves));

  constructor(private readonly provisioner: LeafProvisioner) {}

  /** @returns whether the leaf was provisioned; not so when it was no longer pending, or of another generation */
  provision(tenantId: string, wanted: LeafGeneration): Promise<boolean> {
    return this.#batches.add(tenantId, wanted);
  }

  private async run(tenantId: string, wanted: readonly LeafGeneration[]): Promise<Outcome<boolean>[]> {
    try {
      const provisioned = await this.provisioner.provision(tenantId, wanted);
      return wanted.map(({ leafId }) => ({ result: provisioned.has(leafId) }));
    } catch (error) {
      if (wanted.length === 1 || passes(error)) return wanted.map(() => ({ error }));
      // One that cannot be provisioned keeps no other from it, and gets the error that is its own.
      const outcomes: Outcome<boolean>[] = [];
      for (const one of wanted) outcomes.push(...(await this.run(tenantId, [one])));
      return outcomes;
    }
  }
}

/** Whether an error is no leaf's own but will pass, as when the database is away: one by one, all would run into it. */
const passes = (error: unknown): boolean => (error instanceof DomainError && error.retryable) || isDatabaseAway(error);
