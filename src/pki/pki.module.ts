import { readFileSync } from 'node:fs';
import { Module } from '@nestjs/common';
import { DomainError, Secret } from '#libs/kernel';
import { Config } from '../platform/config/index.js';
import { AuthorityService } from './authority.service.js';
import { CertificateInventory } from './certificate-inventory.js';
import { CertificateMetrics } from './certificate-metrics.js';
import { CertificateService } from './certificate.service.js';
import { CertificatesController } from './certificates.controller.js';
import { PeerVerifier } from './peer-verifier.js';
import { IMPORTED_ROOT, type ImportedRoot, PlatformAuthorities } from './platform-authorities.js';
import { RevocationLists } from './revocation-lists.js';
import { TenantCas } from './tenant-cas.js';
import { TenantPkiController } from './tenant-pki.controller.js';

/**
 * The root CA that was brought along, if any.
 * @throws DomainError `invalid_configuration` when a file cannot be read
 */
export function importedRoot({ rootCaCertFile, rootCaKeyFile }: Config): ImportedRoot | undefined {
  if (rootCaCertFile === undefined || rootCaKeyFile === undefined) return undefined;
  return {
    certificatePem: read('ROOT_CA_CERT_FILE', rootCaCertFile),
    privateKeyPem: new Secret(read('ROOT_CA_KEY_FILE', rootCaKeyFile)),
  };
}

function read(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new DomainError('invalid_configuration', `${variable} names ${file}, which cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

@Module({
  controllers: [CertificatesController, TenantPkiController],
  providers: [
    { provide: IMPORTED_ROOT, useFactory: importedRoot, inject: [Config] },
    PlatformAuthorities, AuthorityService,
    CertificateService,
    CertificateInventory,
    CertificateMetrics,
    RevocationLists,
    PeerVerifier,
    TenantCas,
  ],
  exports: [AuthorityService, CertificateService, PeerVerifier, TenantCas],
})
export class PkiModule {}
