import { LockMode } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import { Certificate } from '#libs/model';
import type { Caller } from '../platform/auth/index.js';
import { Database, type Where } from '../platform/database/index.js';
import { after, type Page, pageOf } from '../platform/paging/index.js';
import { CertificateService } from './certificate.service.js';
import type { CertificateQuery } from './dto/certificate-input.dto.js';
import type { EndEntityReason } from './revocation-reason.js';

/** Every certificate that was signed, or was going to be. */
@Injectable()
export class CertificateInventory {
  constructor(
    private readonly database: Database,
    private readonly certificates: CertificateService,
  ) {}

  async list(caller: Caller, query: CertificateQuery): Promise<Page<Certificate>> {
    const where = [caller.readable('Certificate'), after(query)];
    if (query.kind !== undefined) where.push({ kind: query.kind });
    if (query.edge_site_id !== undefined) where.push({ edgeSiteId: query.edge_site_id });
    if (query.status !== undefined) where.push({ status: query.status });
    const rows = await this.database
      .em(caller.scope)
      .find(Certificate, { $and: where } as Where<Certificate>, { orderBy: { id: 'desc' }, limit: query.limit + 1 });
    return pageOf(rows, query.limit);
  }

  /** @throws DomainError `not_found` */
  async get(caller: Caller, id: string): Promise<Certificate> {
    const where = { $and: [{ id }, caller.readable('Certificate')] } as Where<Certificate>;
    return found(await this.database.em(caller.scope).findOne(Certificate, where));
  }

  /** @throws DomainError `not_found`, `forbidden`, `illegal_transition` when it is revoked already */
  revoke(caller: Caller, id: string, reason: EndEntityReason): Promise<Certificate> {
    return this.database.transaction(caller.scope, async (em) => {
      const where = { $and: [{ id }, caller.permitted('revoke', 'Certificate')] } as Where<Certificate>;
      const certificate = found(await em.findOne(Certificate, where, { lockMode: LockMode.PESSIMISTIC_WRITE }));
      this.certificates.revoke(em, caller, certificate, reason);
      return certificate;
    });
  }
}

function found(certificate: Certificate | null): Certificate {
  if (certificate === null) throw new DomainError('not_found', 'There is no such certificate.');
  return certificate;
}
