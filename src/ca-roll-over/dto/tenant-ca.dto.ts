import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsOptional } from 'class-validator';
import { type TenantCaStatus, tenantCaLifecycle } from '#libs/lifecycle';
import { parseCertificate } from '#libs/pki';
import type { CaView } from '../ca-roll-over.service.js';

export class ActivateTenantCaDto {
  /**
   * Whatever sites have installed: the leaves of `waiting_sites` refuse collectors with certificates of this CA until the newest bundle is
   * installed there.
   * @example false
   */
  @IsOptional()
  @IsBoolean()
  force?: boolean;
}

export class WaitingSiteDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  id!: string;

  /** @example "new-york" */
  slug!: string;

  /** @example "New York" */
  name!: string;
}

export class TenantCaDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e73" */
  id!: string;

  /** The active one signs. The next one and those that are retiring are trusted beside it. */
  @ApiProperty({ enum: tenantCaLifecycle.states, enumName: 'TenantCaStatus', example: 'active' })
  status!: TenantCaStatus;

  /**
   * 128 random bits, hex.
   * @example "5f2c9a8e01b34d6f8a7c2e9d4b105f63"
   */
  serial_number!: string;

  /**
   * SHA-256 of the certificate in DER, hex.
   * @example "9b74c9897bac770ffc029102a200c5de9b74c9897bac770ffc029102a200c5de"
   */
  fingerprint_sha256!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  not_before!: string;

  /** @example "2036-11-24T10:00:00.000Z" */
  not_after!: string;

  /**
   * How many certificates that it has signed, or is about to, are good.
   * @example 12
   */
  live_certificates!: number;

  /** Of the next CA: the sites whose leaf does not trust it yet. Install their newest bundle. */
  @ApiProperty({ type: [WaitingSiteDto], example: [] })
  waiting_sites!: WaitingSiteDto[];

  /**
   * Where its revocation list is.
   * @example "https://control.example.com/api/pki/tenants/acme/crl/5f2c9a8e01b34d6f8a7c2e9d4b105f63"
   */
  crl_url!: string;
}

export const toTenantCaDto = ({ ca, liveCertificates, waitingSites, crlUrl }: CaView): TenantCaDto => ({
  id: ca.id,
  status: ca.status,
  serial_number: ca.serialNumber,
  fingerprint_sha256: parseCertificate(ca.certificatePem).fingerprintSha256,
  not_before: ca.notBefore.toISOString(),
  not_after: ca.notAfter.toISOString(),
  live_certificates: liveCertificates,
  waiting_sites: waitingSites.map(({ id, slug, name }) => ({ id, slug, name })),
  crl_url: crlUrl,
});
