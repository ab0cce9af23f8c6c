import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError } from '#libs/kernel';
import { Certificate, Tenant, TenantCa } from '#libs/model';
import { type ExtendedKeyUsage, parseCertificate, parseSpiffeId, type Peer, type PeerIdentity, peerRefused, verifyPeer } from '#libs/pki';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';

/** Whose signatures count. What a coming CA has signed, somebody has stolen: it signs nothing yet. */
const SIGNING = ['active' as const, 'retiring' as const];

interface Expected<Kind> {
  kinds: readonly Kind[];
  usage: ExtendedKeyUsage;
}

/** Who shows a certificate, and the row of the inventory that it has. */
export interface KnownPeer<Kind extends PeerIdentity['kind']> extends Peer<Kind> {
  tenantId: string;
  row: Certificate;
}

/** Tells who shows a certificate: for all that comes from outside with one. */
@Injectable()
export class PeerVerifier {
  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Every time, the inventory is asked: a certificate that was revoked is refused at once.
   * @param presented the end entity's certificate, in DER
   * @throws DomainError `unauthenticated`, the same for all that is wrong, its context with the reason
   */
  async identify<Kind extends PeerIdentity['kind']>(presented: Uint8Array, { kinds, usage }: Expected<Kind>): Promise<KnownPeer<Kind>> {
    const em = this.database.em(PLATFORM);
    const slug = claimedTenant(presented);
    const tenant = slug === undefined ? null : await em.findOne(Tenant, { slug });
    const cas = tenant === null ? [] : await em.find(TenantCa, { tenantId: tenant.id, status: SIGNING });
    const authorities = cas.map(({ certificatePem }) => ({ tenant: slug!, certificate: parseCertificate(certificatePem) }));
    const peer = verifyPeer(presented, { authorities, kinds, usage, now: this.clock.now() });
    const { serialNumber, der } = peer.certificate;
    const signer = { issuerId: cas.map(({ id }) => id), serialNumber };
    const row = await em.findOne(Certificate, { tenantId: tenant!.id, ...signer });
    // Signed with our key, and not by us.
    if (row?.certificatePem == null || !parseCertificate(row.certificatePem).der.equals(der)) throw peerRefused('not_on_record');
    if (row.status !== 'issued') throw peerRefused('revoked');
    return { ...peer, tenantId: tenant!.id, row };
  }
}

/** Whose CAs are to be asked about; it proves nothing. */
function claimedTenant(presented: Uint8Array): string | undefined {
  try {
    const { spiffeId } = parseCertificate(presented);
    const identity = spiffeId === undefined ? undefined : parseSpiffeId(spiffeId);
    return identity === undefined || identity.kind === 'service' ? undefined : identity.tenant;
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}
