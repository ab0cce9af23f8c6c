import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, IsUUID } from 'class-validator';
import { type SignedArtifactStatus, signedArtifactLifecycle } from '#libs/lifecycle';
import type { CertificateKind } from '#libs/model';
import { PageQuery } from '../../platform/paging/index.js';
import { CERTIFICATE_KINDS } from '../certificate-kind.js';
import { END_ENTITY_REASONS, type EndEntityReason } from '../revocation-reason.js';

export class CertificateQuery extends PageQuery {
  /**
   * Only certificates for this use.
   * @example "leaf"
   */
  @IsOptional()
  @IsIn(CERTIFICATE_KINDS)
  kind?: CertificateKind;

  /**
   * Only certificates of this site.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  @IsOptional()
  @IsUUID()
  edge_site_id?: string;

  /**
   * Only certificates in this state.
   * @example "issued"
   */
  @IsOptional()
  @IsIn(signedArtifactLifecycle.states)
  status?: SignedArtifactStatus;
}

export class RevokeCertificateDto {
  /** Why, as RFC 5280 names it (section 5.3.1). It stands in the revocation list, for everybody to read. */
  @ApiProperty({ enum: END_ENTITY_REASONS, enumName: 'RevocationReason', example: 'keyCompromise' })
  @IsIn(END_ENTITY_REASONS)
  reason!: EndEntityReason;
}
