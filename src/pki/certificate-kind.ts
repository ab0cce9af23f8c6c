import type { CertificateKind } from '#libs/model';

const KINDS: Record<CertificateKind, true> = { leaf: true, leaf_listener: true, collector: true, agent: true, service: true };

export const CERTIFICATE_KINDS = Object.keys(KINDS) as CertificateKind[];
