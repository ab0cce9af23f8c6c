import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { ApiPage, type Page } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { CertificateInventory } from './certificate-inventory.js';
import { CertificateDto, RevokedCertificateDto, toCertificateDto } from './dto/certificate.dto.js';
import { CertificateQuery, RevokeCertificateDto } from './dto/certificate-input.dto.js';
import { nextStepAfterRevoking } from './next-step.js';

@ApiTags('Certificates')
@Controller('admin/certificates')
export class CertificatesController {
  constructor(private readonly inventory: CertificateInventory) {}

  @Get()
  @Authorize('read', 'Certificate')
  @ApiOperation({ operationId: 'listCertificates', summary: 'List certificates, newest first' })
  @ApiPage(CertificateDto)
  @ApiProblems(400, 401, 403, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: CertificateQuery): Promise<Page<CertificateDto>> {
    const page = await this.inventory.list(caller, query);
    return { ...page, data: page.data.map(toCertificateDto) };
  }

  @Get(':id')
  @Authorize('read', 'Certificate')
  @ApiOperation({ operationId: 'getCertificate', summary: 'Get a certificate' })
  @ApiProblems(401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<CertificateDto> {
    return toCertificateDto(await this.inventory.get(caller, id));
  }

  /**
   * The certificate is on the tenant's revocation list from then on. NATS servers do not read revocation lists: what
   * cuts a leaf off from the hub is the revocation of its NATS user, which regenerating brings with it. The answer says
   * whether there is something left to do.
   */
  @Post(':id/revoke')
  @HttpCode(200)
  @Authorize('revoke', 'Certificate')
  @ApiOperation({ operationId: 'revokeCertificate', summary: 'Revoke a certificate' })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async revoke(
    @CurrentCaller() caller: Caller,
    @IdParam() id: string,
    @Body() { reason }: RevokeCertificateDto,
  ): Promise<RevokedCertificateDto> {
    const certificate = await this.inventory.revoke(caller, id, reason);
    return { ...toCertificateDto(certificate), next_step: nextStepAfterRevoking(certificate) };
  }
}
