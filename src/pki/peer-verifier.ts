import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import { Certificate, Tenant, TenantCa } from '#libs/model';
import { type ExtendedKeyUsage, type ParsedCertificate, parseCertificate, parseSpiffeId, type TenantIdentity, verifyIdentity } from '#libs/pki';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { AuthorityService } from './authority.service.js';

/** Whose signatures count. What a coming CA has signed, we have not: it signs nothing yet. */
const SIGNING = ['active' as const, 'retiring' as const];

/** Those of some certificates that would be let in now, as far as the record says: their holders have been known before. */
const STANDING = `
  select c.id from certificates c
    join tenant_cas a on a.id = c.issuer_id and a.status in ('active', 'retiring')
    join edge_sites s on s.id = c.edge_site_id
   where c.id in (select value::uuid from json_array_elements_text(?)) and c.status = 'issued' and c.not_after > ?`;

interface Expected<Kind> {
  /** Who may come. */
  kind: Kind;
  /** What the certificate is shown for. */
  purpose: ExtendedKeyUsage;
}

/** Who shows a certificate, and the row of the inventory that it has. */
export interface KnownPeer<Kind extends TenantIdentity['kind']> {
  identity: Extract<TenantIdentity, { kind: Kind }>;
  tenantId: string;
  row: Certificate;
}

/** Tells who shows a certificate: for all that comes from outside with one. */
@Injectable()
export class PeerVerifier {
  constructor(
    private readonly database: Database,
    private readonly authorities: AuthorityService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Every time, the inventory is asked: a certificate that was revoked is refused at once.
   * @param presented the end entity's certificate, in DER
   * @throws DomainError `malformed_request` when it cannot be read; `unauthenticated`, its context with the reason
   */
  async identify<Kind extends TenantIdentity['kind']>(presented: Uint8Array, { kind, purpose }: Expected<Kind>): Promise<KnownPeer<Kind>> {
    const em = this.database.em(PLATFORM);
    const certificate = parseCertificate(presented);
    const { tenant, cas } = await this.claimed(em, certificate);
    const row = await em.findOne(Certificate, { issuerId: cas.map(({ id }) => id), serialNumber: certificate.serialNumber });
    const { identity } = verifyIdentity(presented, {
      root: parseCertificate(await this.authorities.rootPem()),
      authorities: cas.map(({ certificatePem }) => ({ tenant: tenant!.slug, certificate: parseCertificate(certificatePem) })),
      purpose,
      now: this.clock.now(),
      record: recordOf(row),
    });
    if (!isOf(identity, kind)) {
      throw new DomainError('unauthenticated', `This certificate is refused: it is not that of an ${kind}.`, { context: { reason: 'wrong_kind' } });
    }
    return { identity, tenantId: tenant!.id, row: row! };
  }

  /**
   * Which of the certificates at sites are still good whose holders `identify` has known: not revoked, not over, of a CA that counts.
   * @param certificateIds rows of the inventory; many cost little more than one
   */
  async standing(certificateIds: readonly string[]): Promise<Set<string>> {
    const values = [JSON.stringify(certificateIds), this.clock.now().toISOString()];
    const rows = await this.database.statement<{ id: string }>(PLATFORM, STANDING, values);
    return new Set(rows.map(({ id }) => id));
  }

  /** The tenant that a certificate says it is of, and its CAs. It proves nothing. */
  private async claimed(em: Em, { spiffeId }: ParsedCertificate): Promise<{ tenant: Tenant | null; cas: TenantCa[] }> {
    const identity = spiffeId === undefined ? undefined : parseSpiffeId(spiffeId);
    if (identity === undefined || identity.kind === 'service') return { tenant: null, cas: [] };
    const tenant = await em.findOne(Tenant, { slug: identity.tenant });
    const cas = tenant === null ? [] : await em.find(TenantCa, { tenantId: tenant.id, status: SIGNING });
    return { tenant, cas };
  }
}

/** What was only intended was never handed out. */
function recordOf(row: Certificate | null) {
  if (row?.certificatePem == null || (row.status !== 'issued' && row.status !== 'revoked')) return undefined;
  return { fingerprintSha256: parseCertificate(row.certificatePem).fingerprintSha256, status: row.status };
}

const isOf = <Kind extends TenantIdentity['kind']>(
  identity: TenantIdentity,
  kind: Kind,
): identity is Extract<TenantIdentity, { kind: Kind }> => identity.kind === kind;
