import { Inject, Injectable } from '@nestjs/common';
import { Batches, type Clock, DomainError } from '#libs/kernel';
import { Certificate, Tenant, TenantCa } from '#libs/model';
import { type ExtendedKeyUsage, type ParsedCertificate, parseCertificate, parseSpiffeId, type TenantAuthority, type TenantIdentity, verifyIdentity } from '#libs/pki';
import { CLOCK } from '../platform/clock.js';
import { Database, isDatabaseAway, PLATFORM } from '../platform/database/index.js';
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

/** Certificates that are looked up together. */
const TOGETHER = 500;

interface Claim {
  /** The slug of the tenant that the certificate names. */
  tenant: string | undefined;
  serialNumber: string;
}

interface OnRecord {
  tenant: Tenant | null;
  /** Of the tenant. */
  authorities: readonly TenantAuthority[];
  row: Certificate | null;
}

const NOBODY = { tenant: null, authorities: [] };

/** Tells who shows a certificate: for all that comes from outside with one. */
@Injectable()
export class PeerVerifier {
  /** Those who come at once, as all do after a restart, are looked up at once. */
  readonly #claims = new Batches<Claim, OnRecord>(
    TOGETHER,
    async (_all, claims) => (await this.onRecord(claims)).map((result) => ({ result })),
    isDatabaseAway,
  );

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
    const { tenant, authorities, row } = await this.#claims.add('', claimOf(parseCertificate(presented)));
    const { identity } = verifyIdentity(presented, {
      root: parseCertificate(await this.authorities.rootPem()),
      authorities,
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

  /** Of each claim, what is on record of the tenant and the certificate. It proves nothing. */
  private async onRecord(claims: readonly Claim[]): Promise<OnRecord[]> {
    const em = this.database.em(PLATFORM);
    const tenants = await em.find(Tenant, { slug: [...new Set(claims.flatMap(({ tenant }) => tenant ?? []))] });
    const cas = await em.find(TenantCa, { tenantId: tenants.map(({ id }) => id), status: SIGNING });
    const serialNumber = [...new Set(claims.map((claim) => claim.serialNumber))];
    const rows = await em.find(Certificate, { issuerId: cas.map(({ id }) => id), serialNumber });
    const known = new Map(
      tenants.map((tenant) => {
        const own = cas.filter(({ tenantId }) => tenantId === tenant.id);
        return [tenant.slug, { tenant, authorities: own.map(({ certificatePem }) => ({ tenant: tenant.slug, certificate: parseCertificate(certificatePem) })) }];
      }),
    );
    const rowOf = new Map(rows.map((row) => [`${row.tenantId} ${row.serialNumber}`, row]));
    return claims.map(({ tenant: slug, serialNumber: serial }) => {
      const { tenant, authorities } = known.get(slug ?? '') ?? NOBODY;
      return { tenant, authorities, row: rowOf.get(`${tenant?.id} ${serial}`) ?? null };
    });
  }
}

/** What a certificate says, which counts once it is verified. */
function claimOf({ spiffeId, serialNumber }: ParsedCertificate): Claim {
  const identity = spiffeId === undefined ? undefined : parseSpiffeId(spiffeId);
  return { tenant: identity === undefined || identity.kind === 'service' ? undefined : identity.tenant, serialNumber };
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
