import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { EdgeSite, type LeafLink, NatsLeafServer, unnumbered } from '#libs/model';
import { AccountService } from '../nats/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { Streams } from '../streams/index.js';
import { LeafGenerations } from './leaf-generations.service.js';
import { findSite, type SiteWithLeaf } from './site-with-leaf.js';

/** Whose link it is. */
export interface LeafIdentity {
  tenantId: string;
  edgeSiteId: string;
}

export interface PresentLeaf extends LeafIdentity, LeafLink {
  /** The generation is a guess: the hub lists links without their users, and more than one generation may connect. */
  guessed?: boolean;
}

/** Takes note of leaves that come and go, as the hub sees them. Each call can be made twice. */
@Injectable()
export class LeafPresence {
  constructor(
    private readonly database: Database,
    private readonly generations: LeafGenerations,
    private readonly accounts: AccountService,
    private readonly streams: Streams,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** A leaf has connected: its site is active, the generations before this one are retired, its streams are seen to. */
  async connected({ tenantId, edgeSiteId, generation, linkId, at }: PresentLeaf): Promise<void> {
    const seen = await this.withSite({ tenantId, edgeSiteId }, async (em, { site, leaf }) => {
      leaf.link({ generation, linkId, at });
      site.comeOnline(at);
      return this.generations.revokeBefore(em, systemCaller('presence', tenantId), leaf, generation);
    });
    if (seen === undefined) return;
    await this.accounts.announce(...seen.accounts);
    await this.streams.request(tenantId, edgeSiteId);
  }

  /** A link of a leaf has ended. The end of a link that another one has replaced already changes nothing. */
  async disconnected({ tenantId, edgeSiteId, linkId, at }: LeafIdentity & { linkId: string; at: Date }): Promise<void> {
    await this.withSite({ tenantId, edgeSiteId }, async (_em, { site, leaf }) => {
      if (leaf.unlink(linkId, at)) site.goOffline(at);
    });
  }

  /**
   * @param links all leaves that are connected now; whoever is not among them is not
   * @returns those that are not on record and whose generation is a guess: recording it might keep a generation that should go
   */
  async reconcile(links: readonly PresentLeaf[]): Promise<PresentLeaf[]> {
    const now = this.clock.now();
    const em = this.database.em(PLATFORM);
    const known = await em.find(
      NatsLeafServer,
      { linkId: { $ne: null } },
      { fields: ['tenantId', 'edgeSiteId', 'linkId'] },
    );
    const recorded = new Map(known.map(({ edgeSiteId, linkId }) => [edgeSiteId, linkId]));
    const present = new Set(links.map(({ edgeSiteId }) => edgeSiteId));

    const unrecorded = links.filter(({ edgeSiteId, linkId }) => !isRecorded(recorded.get(edgeSiteId), linkId));
    for (const link of unrecorded) if (!isUncertain(link)) await this.connected(link);
    for (const { tenantId, edgeSiteId, linkId } of known) {
      if (!present.has(edgeSiteId)) await this.disconnected({ tenantId, edgeSiteId, linkId: linkId!, at: now });
    }
    await em.nativeUpdate(EdgeSite, { id: [...present], status: 'active' }, { lastSeenAt: now });
    return unrecorded.filter(isUncertain);
  }

  /** @returns undefined when the site is gone */
  private withSite<T>(
    { tenantId, edgeSiteId }: LeafIdentity,
    work: (em: Em, found: SiteWithLeaf) => Promise<T>,
  ): Promise<T | undefined> {
    return this.database.transaction({ tenantId }, async (em) => {
      const found = await findSite(em, edgeSiteId, { lockMode: LockMode.PESSIMISTIC_WRITE });
      return found && work(em, found);
    });
  }
}

/** A link that the hub of 2.10 lists has no number to end it by: there the guess has to do until it comes again. */
const isUncertain = ({ guessed, linkId }: PresentLeaf): boolean => guessed === true && linkId !== unnumbered(linkId);

/** A hub of 2.10 does not number the links that it lists: one of the same server is taken for the one on record. */
const isRecorded = (recorded: string | null | undefined, linkId: string): boolean =>
  recorded === linkId || (typeof recorded === 'string' && unnumbered(recorded) === linkId);
