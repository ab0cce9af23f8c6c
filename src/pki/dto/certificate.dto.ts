import { ApiProperty } from '@nestjs/swagger';
import { type SignedArtifactStatus, signedArtifactLifecycle } from '#libs/lifecycle';
import type { Certificate, CertificateKind } from '#libs/model';
import { CERTIFICATE_KINDS } from '../certificate-kind.js';
import type { NextStep } from '../next-step.js';

export class CertificateDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f" */
  id!: string;

  /** A leaf dials the hub with one certificate (`leaf`) and answers collectors with another (`leaf_listener`). */
  @ApiProperty({ enum: CERTIFICATE_KINDS, enumName: 'CertificateKind', example: 'leaf' })
  kind!: CertificateKind;

  /** Intended until it is signed and handed out; abandoned when that never came to be. */
  @ApiProperty({ enum: signedArtifactLifecycle.states, enumName: 'CertificateStatus', example: 'issued' })
  status!: SignedArtifactStatus;

  /**
   * 128 random bits, hex.
   * @example "5f2c9a8e01b34d6f8a7c2e9d4b105f63"
   */
  serial_number!: string;

  /**
   * Null when the name is longer than the 64 characters that a common name may have.
   * @example "leaf.new-york.acme.serviceradar"
   */
  common_name!: string | null;

  /** @example "spiffe://serviceradar.local/nats_leaf/acme/new-york/leaf" */
  spiffe_id!: string | null;

  /** @example "2026-11-24T10:00:00.000Z" */
  not_before!: string;

  /** @example "2027-11-24T10:00:00.000Z" */
  not_after!: string;

  /** @example "2026-12-01T10:00:00.000Z" */
  revoked_at!: string | null;

  /**
   * As RFC 5280 names it (section 5.3.1).
   * @example "keyCompromise"
   */
  revocation_reason!: string | null;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  edge_site_id!: string | null;

  /**
   * The generation of the leaf's files that it belongs to.
   * @example 1
   */
  generation!: number | null;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e72" */
  collector_package_id!: string | null;
}

export class NextStepDto {
  /** What to do, for programs. */
  @ApiProperty({ enum: ['regenerate_leaf_server'], example: 'regenerate_leaf_server' })
  action!: NextStep['action'];

  /**
   * Why, and how.
   * @example "The leaf goes on using this certificate until its files are replaced. Regenerate them, and install the new bundle."
   */
  detail!: string;
}

export class RevokedCertificateDto extends CertificateDto {
  /** What is left to do by hand; null when nothing is. */
  @ApiProperty({
    type: NextStepDto,
    nullable: true,
    example: { action: 'regenerate_leaf_server', detail: 'The leaf goes on using this certificate until its files are replaced. …' },
  })
  next_step!: NextStepDto | null;
}

export const toCertificateDto = (certificate: Certificate): CertificateDto => ({
  id: certificate.id,
  kind: certificate.kind,
  status: certificate.status,
  serial_number: certificate.serialNumber,
  common_name: certificate.commonName ?? null,
  spiffe_id: certificate.spiffeId ?? null,
  not_before: certificate.notBefore.toISOString(),
  not_after: certificate.notAfter.toISOString(),
  revoked_at: certificate.revokedAt?.toISOString() ?? null,
  revocation_reason: certificate.revocationReason ?? null,
  edge_site_id: certificate.edgeSiteId ?? null,
  generation: certificate.generation ?? null,
  collector_package_id: certificate.collectorPackageId ?? null,
});
