import { Module } from '@nestjs/common';
import { AuthorityService } from './authority.service.js';
import { CertificateInventory } from './certificate-inventory.js';
import { CertificateService } from './certificate.service.js';
import { CertificatesController } from './certificates.controller.js';
import { PlatformAuthorities } from './platform-authorities.js';
import { RevocationLists } from './revocation-lists.js';
import { TenantPkiController } from './tenant-pki.controller.js';

@Module({
  controllers: [CertificatesController, TenantPkiController],
  providers: [PlatformAuthorities, AuthorityService, CertificateService, CertificateInventory, RevocationLists],
  exports: [AuthorityService, CertificateService],
})
export class PkiModule {}
