import { Injectable } from '@nestjs/common';
import type { Caller } from '../platform/auth/index.js';
import type { Em } from '../platform/database/index.js';

/** Something that belongs to a site. */
export interface Dependent {
  /** What it is, as the code of an error: `collector_package`. */
  kind: string;
  id: string;
  /** What people call it. */
  name: string;
}

/** A feature whose things belong to sites. */
export interface SiteDependency {
  /** What a site cannot be deleted from under. */
  ofSite(em: Em, siteId: string): Promise<Dependent[]>;
  /** Lets go of a site that is being deleted, in the transaction of that. */
  release(em: Em, caller: Caller, siteId: string): Promise<void>;
}

/** Who has a say when a site is deleted: features that know of sites, and that sites know nothing of. */
@Injectable()
export class SiteDependents {
  readonly #features: SiteDependency[] = [];

  register(feature: SiteDependency): void {
    this.#features.push(feature);
  }

  async ofSite(em: Em, siteId: string): Promise<Dependent[]> {
    const found: Dependent[] = [];
    for (const feature of this.#features) found.push(...(await feature.ofSite(em, siteId)));
    return found;
  }

  async release(em: Em, caller: Caller, siteId: string): Promise<void> {
    for (const feature of this.#features) await feature.release(em, caller, siteId);
  }
}
