import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { BoundedMap, type Clock } from '#libs/kernel';
import { Certificate, TenantCa } from '#libs/model';
import { buildCrl, type RevokedCertificate } from '#libs/pki';
import { CLOCK } from '../platform/clock.js';
import { Database, type Em, PLATFORM } from '../platform/database/index.js';
import { AuthorityService } from './authority.service.js';
import type { EndEntityReason } from './revocation-reason.js';

const HOUR = 60 * 60 * 1000;

/** How long a list may be relied on (`nextUpdate`), in milliseconds. */
const VALIDITY = 24 * HOUR;

/** How old a list gets before another is made though nothing was revoked, in milliseconds. */
const MAX_AGE = HOUR;

/** How many lists are kept in memory; another tenant's list takes the place of the one made longest ago. */
const CACHE_SIZE = 1_000;

export interface RevocationList {
  der: Buffer;
  /** Names this very list; as in the header `ETag`. */
  etag: string;
}

interface CachedList extends RevocationList {
  caId: string;
  /** How many certificates of the CA had been revoked: it only ever grows, so an equal number means an equal list. */
  revoked: number;
  madeAt: Date;
}

/** The certificate revocation lists of the tenants' CAs (RFC 5280, section 5), made when somebody asks. */
@Injectable()
export class RevocationLists {
  readonly #cache = new BoundedMap<string, CachedList>(CACHE_SIZE);

  constructor(
    private readonly database: Database,
    private readonly authorities: AuthorityService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The list of a tenant's CA, with all that is revoked now. A CA has one for as long as it is on record.
   * @param serialNumber the CA's; of the tenant's first CA when absent
   * @throws DomainError `not_found`
   */
  async current(tenantSlug: string, serialNumber?: string): Promise<RevocationList> {
    const list = await this.database.transaction(PLATFORM, async (em) => {
      const ca = await this.authorities.caBySlug(em, tenantSlug, serialNumber);
      const known = this.#cache.get(ca.id);
      return known !== undefined && (await this.isCurrent(em, ca.id, known)) ? known : this.make(em, ca.id);
    });
    this.#cache.set(list.caId, list);
    return list;
  }

  private async isCurrent(em: Em, caId: string, { madeAt, revoked }: CachedList): Promise<boolean> {
    const age = this.clock.now().getTime() - madeAt.getTime();
    return age < MAX_AGE && revoked === (await countRevoked(em, caId));
  }

  /** Lists are made one after another, under a lock of the CA, so that a higher number never tells of less. */
  private async make(em: Em, caId: string): Promise<CachedList> {
    const ca = await em.findOneOrFail(TenantCa, { id: caId }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
    const now = this.clock.now();
    const revoked = await countRevoked(em, caId);
    const entries = await listed(em, caId, now);
    ca.crlNumber += 1;
    const der = buildCrl(this.authorities.issuerOf(ca), entries, {
      number: ca.crlNumber,
      thisUpdate: now,
      nextUpdate: new Date(now.getTime() + VALIDITY),
    });
    return { caId, der, etag: `"${caId}.${ca.crlNumber}"`, revoked, madeAt: now };
  }
}

const countRevoked = (em: Em, issuerId: string) => em.count(Certificate, { issuerId, status: 'revoked' });

/** A certificate that has expired leaves the list only after it stood on one made since (RFC 5280, section 3.3). */
async function listed(em: Em, issuerId: string, now: Date): Promise<RevokedCertificate[]> {
  const notAfter = { $gt: new Date(now.getTime() - 2 * VALIDITY) };
  const rows = await em.find(
    Certificate,
    { issuerId, status: 'revoked', notAfter },
    { fields: ['serialNumber', 'revokedAt', 'revocationReason'], orderBy: { revokedAt: 'asc', id: 'asc' } },
  );
  return rows.map(({ serialNumber, revokedAt, revocationReason }) => ({
    serialNumber,
    revokedAt: revokedAt!,
    reason: revocationReason as EndEntityReason,
  }));
}
