export { AuthorityService, type CaChain } from './authority.service.js';
export {
  type CertificateHolder,
  type CertificatePlan,
  CertificateService,
  type IssuedServiceCertificate,
  type SigningRequest,
} from './certificate.service.js';
export { type KnownPeer, PeerVerifier } from './peer-verifier.js';
export { crlUrlOf } from './crl-url.js';
export { PkiModule } from './pki.module.js';
export { IMPORTED_ROOT, type ImportedRoot } from './platform-authorities.js';
export { END_ENTITY_REASONS, type EndEntityReason } from './revocation-reason.js';
export { TenantCas } from './tenant-cas.js';
export type { ServiceCertificate } from './service-certificate.js';
