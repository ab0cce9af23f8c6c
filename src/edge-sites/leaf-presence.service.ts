import { Inject, Injectable } from '@nestjs/common';
import { type Clock, grouped, type Random } from '#libs/kernel';
import { EdgeSite, type NatsAccount, NatsLeafServer, unnumbered } from '#libs/model';
import { AccountService } from '../nats/index.js';
import { systemCaller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { Streams } from '../streams/index.js';
import { ConnectionHistory } from './connection-history.js';
import type { LeafChange, LeafDisconnected, LeafIdentity, PresentLeaf } from './leaf-change.js';
import { LeafGenerations } from './leaf-generations.service.js';
import { lockSites, type SiteWithLeaf } from './site-with-leaf.js';

const HUB_SERVERS = `select distinct split_part(link_id, ':', 1) as id from nats_leaf_servers where link_id is not null`;

/** Takes note of leaves that come and go, as the hub sees them. Each call can be made twice. */
@Injectable()
export class LeafPresence {
  constructor(
    private readonly database: Database,
    private readonly generations: LeafGenerations,
    private readonly accounts: AccountService,
    private readonly streams: Streams,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * A leaf that has connected makes its site active and retires the generations before its own, and its streams are seen to. The end of a link
   * that another one has replaced already changes nothing but the history.
   * @param changes of leaves of one tenant, in their order; many cost little more than one
   */
  async record(tenantId: string, changes: readonly LeafChange[]): Promise<void> {
    if (changes.length === 0) return;
    const { accounts, connected } = await this.database.transaction({ tenantId }, async (em) => {
      const found = new Map((await lockSites(em, sitesOf(changes))).map((one) => [one.site.id, one]));
      const known = changes.filter(({ edgeSiteId }) => found.has(edgeSiteId));
      const history = await ConnectionHistory.load(em, known, this.random);
      const accounts = new Map<string, NatsAccount>();
      for (const change of known) {
        const site = found.get(change.edgeSiteId)!;
        if (change.type === 'connected') for (const account of await this.connect(em, history, site, change)) accounts.set(account.id, account);
        else disconnect(history, site, change);
      }
      // One that has left again is seen to when it is back.
      const connected = sitesOf(known.filter(({ type, edgeSiteId }) => type === 'connected' && found.get(edgeSiteId)!.leaf.linkId != null));
      return { accounts: [...accounts.values()], connected };
    });
    await this.accounts.announce(...accounts);
    await this.streams.request(tenantId, connected);
  }

  /** As `record`, of one leaf that has connected. */
  connected(link: PresentLeaf): Promise<void> {
    return this.record(link.tenantId, [{ ...link, type: 'connected' }]);
  }

  /** The ids of the hub's servers that have leaves on record. */
  async hubServers(): Promise<string[]> {
    const rows: { id: string }[] = await this.database.em(PLATFORM).execute(HUB_SERVERS);
    return rows.map(({ id }) => id);
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
    const changes: LeafChange[] = [
      ...unrecorded.filter((link) => !isUncertain(link)).map((link) => ({ ...link, type: 'connected' as const })),
      ...known
        .filter(({ edgeSiteId }) => !present.has(edgeSiteId))
        .map(({ tenantId, edgeSiteId, linkId }) => ({ type: 'disconnected' as const, tenantId, edgeSiteId, linkId: linkId!, at: now, reason: null })),
    ];
    for (const [tenantId, ofTenant] of grouped(changes, ({ tenantId }) => tenantId)) await this.record(tenantId, ofTenant);
    await em.nativeUpdate(EdgeSite, { id: [...present], status: 'active' }, { lastSeenAt: now });
    return unrecorded.filter(isUncertain);
  }

  /** @returns accounts to announce */
  private async connect(em: Em, history: ConnectionHistory, { site, leaf }: SiteWithLeaf, link: PresentLeaf): Promise<NatsAccount[]> {
    const isFirst = leaf.installedGeneration !== link.generation;
    leaf.link(link);
    site.comeOnline(link.at);
    history.begin(link);
    if (!isFirst) return [];
    return (await this.generations.revokeBefore(em, systemCaller('presence', link.tenantId), leaf, link.generation)).accounts;
  }
}

function disconnect(history: ConnectionHistory, { site, leaf }: SiteWithLeaf, change: LeafDisconnected): void {
  const ended = history.end(change);
  if (leaf.unlink(change.linkId, change.at, change.reason)) site.goOffline(change.at);
  // It was found to be gone before the hub's word on it came.
  else if (leaf.linkId == null && ended?.connectedAt.getTime() === leaf.connectedAt?.getTime()) leaf.disconnectReason = ended?.reason;
}

const sitesOf = (changes: readonly LeafIdentity[]): string[] => [...new Set(changes.map(({ edgeSiteId }) => edgeSiteId))];

/** A link that the hub of 2.10 lists has no number to end it by: there the guess has to do until it comes again. */
const isUncertain = ({ guessed, linkId }: PresentLeaf): boolean => guessed === true && linkId !== unnumbered(linkId);

/** A hub of 2.10 does not number the links that it lists: one of the same server is taken for the one on record. */
const isRecorded = (recorded: string | null | undefined, linkId: string): boolean =>
  recorded === linkId || (typeof recorded === 'string' && unnumbered(recorded) === linkId);
