import { newId, type Random } from '#libs/kernel';
import { LeafConnection, unnumbered } from '#libs/model';
import type { Em } from '../platform/database/index.js';
import type { LeafChange, LeafDisconnected, PresentLeaf } from './leaf-change.js';

/** The connections of some leaves that may still change, within a transaction that holds those leaves. */
export class ConnectionHistory {
  private constructor(
    private readonly em: Em,
    private readonly rows: LeafConnection[],
    private readonly random: Random,
  ) {}

  /** @param changes what is to be written down */
  static async load(em: Em, changes: readonly LeafChange[], random: Random): Promise<ConnectionHistory> {
    const edgeSiteId = [...new Set(changes.map((change) => change.edgeSiteId))];
    const linkId = changes.flatMap((change) => (change.type === 'disconnected' ? [change.linkId, unnumbered(change.linkId)] : []));
    // The end of a link may be told after the next one's beginning.
    const rows = await em.find(LeafConnection, { edgeSiteId, $or: [{ disconnectedAt: null }, { linkId }] }, { orderBy: { id: 'asc' } });
    return new ConnectionHistory(em, rows, random);
  }

  begin({ tenantId, edgeSiteId, generation, linkId, at }: PresentLeaf): void {
    const open = this.rows.filter((row) => row.edgeSiteId === edgeSiteId && row.disconnectedAt == null);
    const same = open.find((row) => row.linkId === linkId) ?? open.find((row) => row.linkId === unnumbered(linkId) && at <= row.connectedAt);
    // It was listed, without its number, before the word came that it had begun.
    if (same && same.linkId !== linkId) Object.assign(same, { linkId, connectedAt: at });
    if (same) same.generation = generation;
    for (const row of open) if (row !== same) row.end(at, null);
    if (same) return;
    // Those that are written down together sort by when they began.
    const id = newId({ now: () => at }, this.random);
    const row = Object.assign(new LeafConnection(), { id, tenantId, edgeSiteId, generation, linkId, connectedAt: at, disconnectedAt: null, reason: null });
    this.em.persist(row);
    this.rows.push(row);
  }

  /** @returns the connection, if it is on record */
  end({ edgeSiteId, linkId, at, reason }: LeafDisconnected): LeafConnection | undefined {
    const row = this.rows.findLast((one) => one.edgeSiteId === edgeSiteId && (one.linkId === linkId || one.linkId === unnumbered(linkId)));
    row?.end(at, reason);
    return row;
  }
}
