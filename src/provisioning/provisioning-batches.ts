import { Injectable } from '@nestjs/common';
import { LeafProvisioner, type LeafGeneration } from './leaf-provisioner.js';

/** Leaves in one run. Their rows stay locked for as long as it takes. */
const BATCH = 16;

interface Waiting {
  wanted: LeafGeneration;
  resolve: (provisioned: boolean) => void;
  reject: (error: unknown) => void;
}

/** Puts leaves of one tenant that wait at the same time into one run: alone, each would cost thirty queries. */
@Injectable()
export class ProvisioningBatches {
  /** A tenant is here while a run of its leaves is under way. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(private readonly provisioner: LeafProvisioner) {}

  /** @returns whether the leaf was provisioned; not so when it was no longer pending, or of another generation */
  provision(tenantId: string, wanted: LeafGeneration): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(tenantId);
      if (waiting !== undefined) {
        waiting.push({ wanted, resolve, reject });
        return;
      }
      this.#waiting.set(tenantId, [{ wanted, resolve, reject }]);
      // Jobs that are taken up in the same turn go along.
      setImmediate(() => void this.runAll(tenantId));
    });
  }

  /** Until nobody waits. Never rejects: each that waits gets its own answer. */
  private async runAll(tenantId: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(tenantId)?.splice(0, BATCH) ?? [];
      if (batch.length === 0) break;
      await this.run(tenantId, batch);
    }
    this.#waiting.delete(tenantId);
  }

  private async run(tenantId: string, batch: readonly Waiting[]): Promise<void> {
    try {
      const provisioned = await this.provisioner.provision(tenantId, batch.map(({ wanted }) => wanted));
      for (const { wanted, resolve } of batch) resolve(provisioned.has(wanted.leafId));
    } catch (error) {
      // One that cannot be provisioned keeps no other from it, and gets the error that is its own.
      if (batch.length === 1) batch[0]!.reject(error);
      else for (const one of batch) await this.run(tenantId, [one]);
    }
  }
}
