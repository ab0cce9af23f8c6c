import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { edgeSiteFolder } from '#libs/bundle';
import { Batches, BoundedMap, isId, type Outcome, outcomeOf } from '#libs/kernel';
import { EdgeSite } from '#libs/model';
import { openLeafBundle } from '../edge-sites/index.js';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { Database, isDatabaseAway, type Where } from '../platform/database/index.js';
import { KeyRing } from '../platform/encryption/index.js';
import { PublicUrl } from '../platform/public-url.js';
import type { PackedDownload } from './download.js';
import { downloadCommand } from './download-command.js';
import { DownloadTokensService, type Presented } from './download-tokens.service.js';
import { FIND_LEAF_BUNDLES, type LeafBundle, leafBundleOf, type LeafBundleRow, noEdgeSite } from './leaf-bundles.js';

interface Asked {
  caller: Caller;
  siteId: string;
}

/** Downloads that are looked up together at most. */
const BATCH = 32;

/** An archive as the database has it, which nobody reads without the key ring. */
interface SealedArchive {
  /** Of the row that it was read from. */
  version: string;
  ciphertext: Buffer;
}

/** Sealed archives that are kept in memory at most, and bytes of one: 32 MiB in all. */
const KEPT = 512;
const KEPT_BYTES = 64 * 1024;

@Injectable()
export class EdgeSiteBundlesService {
  /** By site, of those whose bundles were downloaded lately: reading one costs PostgreSQL more than all else about a download. */
  readonly #archives = new BoundedMap<string, SealedArchive>(KEPT);
  /** Downloads of a tenant that are asked for at the same time, by callers who reach the same sites, are looked up and written down together. */
  readonly #downloads = new Batches<Asked, LeafBundle>(BATCH, (_group, asked) => this.findForAll(asked), isDatabaseAway);

  constructor(
    private readonly database: Database,
    private readonly tokens: DownloadTokensService,
    private readonly keyRing: KeyRing,
    private readonly audit: Audit,
    private readonly publicUrl: PublicUrl,
  ) {}

  /** @throws DomainError `forbidden`, `not_found`, `not_provisioned` */
  async download(caller: Caller, siteId: string): Promise<PackedDownload> {
    const { tenantId, siteLabels } = caller;
    // What is found is of this tenant, and has these labels at least.
    caller.authorize('download', 'Bundle', { tenantId, siteLabels });
    return this.open(await this.#downloads.add(JSON.stringify([tenantId, siteLabels]), { caller, siteId }));
  }

  /** A one-time token for the host that has no API key, with the line to paste there. */
  async issueToken(caller: Caller, siteId: string, lifetime?: number) {
    return this.database.transaction(caller.tenantScope, async (em) => {
      const site = await em.findOne(EdgeSite, { $and: [caller.permittedSites('create', 'DownloadToken'), { id: siteId }] } as Where<EdgeSite>);
      if (site === null) throw noEdgeSite();
      caller.authorize('create', 'DownloadToken', site);
      const { token, expiresAt } = this.tokens.issue(em, caller, target(siteId), lifetime);
      const command = downloadCommand({
        url: `${this.publicUrl.value}/api/edge-sites/${siteId}/bundle`,
        token,
        fileName: fileName(site.slug),
      });
      return { token, expiresAt, command };
    });
  }

  /**
   * The download of whoever holds a token. A token is used up only when there is something to download.
   * @throws DomainError `not_found`, `not_provisioned`
   */
  async downloadByToken(siteId: string, presented: Presented): Promise<PackedDownload> {
    if (presented.token === undefined || !isId(siteId)) throw noEdgeSite();
    const shown = await this.tokens.find(presented.token, target(siteId), presented);
    const { caller, scope } = shown;
    const found = await this.database.transaction(scope, async (em) => {
      const [row] = await em.execute<LeafBundleRow[]>(FIND_LEAF_BUNDLES, ['', caller.tenantId, [siteId], '{}']);
      const found = leafBundleOf(row);
      await this.tokens.use(em, shown, found.generation);
      this.audit.record(em, caller, { ...downloadOf(siteId), detail: { generation: found.generation } });
      return found;
    });
    return this.open(found);
  }

  /** @param asked by callers of one tenant who reach the same sites */
  private async findForAll(asked: readonly Asked[]): Promise<Outcome<LeafBundle>[]> {
    const { tenantId, siteLabels } = asked[0]!.caller;
    const siteIds = [...new Set(asked.map(({ siteId }) => siteId))];
    const kept = new Map(siteIds.map((id) => [id, this.#archives.get(id)]));
    const versions = [...kept.values()].flatMap((archive) => archive?.version ?? []).join(',');
    // The audit rows are there before the first byte is sent.
    const rows = await this.audit.readAll<LeafBundleRow>(
      { tenantId },
      {
        sql: FIND_LEAF_BUNDLES,
        values: [versions, tenantId, siteIds, JSON.stringify(siteLabels)],
        deeds: asked.map(({ caller, siteId }) => [caller, downloadOf(siteId)]),
      },
    );
    const rowOf = new Map(rows.map((row) => [row.subjectId, this.withArchive(row, kept.get(row.subjectId))]));
    return asked.map(({ siteId }) => outcomeOf(() => leafBundleOf(rowOf.get(siteId))));
  }

  /** @param kept of its site, when the row was asked for */
  private withArchive(row: LeafBundleRow, kept: SealedArchive | undefined): LeafBundleRow {
    const { subjectId, version, bundleCiphertext: ciphertext } = row;
    if (ciphertext === null) return kept?.version === version ? { ...row, bundleCiphertext: kept.ciphertext } : row;
    if (ciphertext.length <= KEPT_BYTES) this.#archives.set(subjectId, { version, ciphertext });
    return row;
  }

  private open({ leafId, tenantId, slug, bundleCiphertext }: LeafBundle): PackedDownload {
    const archive = openLeafBundle(this.keyRing, { id: leafId, tenantId }, bundleCiphertext);
    const [piece] = archive.pieces === 1 ? archive : [];
    return { fileName: fileName(slug), length: archive.length, content: piece ?? Readable.from(archive, { objectMode: false }) };
  }
}

const target = (siteId: string) => ({ purpose: 'edge_site_bundle' as const, objectId: siteId });
const fileName = (slug: string) => `${edgeSiteFolder(slug)}.tar.gz`;

const downloadOf = (siteId: string) => ({ action: 'edge_site_bundle.download', subjectType: 'edge_site', subjectId: siteId });
