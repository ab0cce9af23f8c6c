import { Controller, Get, Header, Headers, HttpStatus, Param, Res } from '@nestjs/common';
import { ApiNotModifiedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../platform/auth/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { AuthorityService } from './authority.service.js';
import { RevocationLists } from './revocation-lists.js';

/** What whoever checks a tenant's certificates needs; none of it is secret. */
@ApiTags('PKI')
@ApiParam({ name: 'slug', description: 'The slug of the tenant.', example: 'acme' })
@Controller('pki/tenants/:slug')
export class TenantPkiController {
  constructor(
    private readonly authorities: AuthorityService,
    private readonly lists: RevocationLists,
  ) {}

  @Get('ca.pem')
  @Public()
  @Header('Content-Type', 'application/x-pem-file')
  @ApiOperation({ operationId: 'getTenantCaChain', summary: "Get the certificates of a tenant's CAs and the root, as PEM" })
  @ApiProduces('application/x-pem-file')
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiProblems(404)
  chain(@Param('slug') slug: string): Promise<string> {
    return this.authorities.publicChain(slug);
  }

  /**
   * Lists what is revoked at this moment; good for 24 hours. This is the list of the tenant's first CA. Certificates name the list of the CA
   * that signed them.
   */
  @Get('crl')
  @Public()
  @Header('Cache-Control', 'no-cache')
  @ApiOperation({ operationId: 'getTenantCrl', summary: "Get a tenant's certificate revocation list (RFC 5280), as DER" })
  @ApiProduces('application/pkix-crl')
  @ApiOkResponse({ schema: { type: 'string', format: 'binary' } })
  @ApiNotModifiedResponse({ description: 'Nothing was revoked since the list that If-None-Match names.' })
  @ApiProblems(404)
  revocationList(
    @Param('slug') slug: string,
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | undefined> {
    return this.answer(reply, known, slug);
  }

  /** Lists what is revoked at this moment; good for 24 hours. A CA has a list of its own, also when another one signs by now. */
  @Get('crl/:serial')
  @Public()
  @Header('Cache-Control', 'no-cache')
  @ApiParam({ name: 'serial', description: 'The serial number of the CA, hex.', example: '5f2c9a8e01b34d6f8a7c2e9d4b105f63' })
  @ApiOperation({ operationId: 'getCaCrl', summary: "Get the certificate revocation list of one of a tenant's CAs (RFC 5280), as DER" })
  @ApiProduces('application/pkix-crl')
  @ApiOkResponse({ schema: { type: 'string', format: 'binary' } })
  @ApiNotModifiedResponse({ description: 'Nothing was revoked since the list that If-None-Match names.' })
  @ApiProblems(404)
  revocationListOf(
    @Param('slug') slug: string,
    @Param('serial') serial: string,
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | undefined> {
    return this.answer(reply, known, slug, serial);
  }

  private async answer(reply: FastifyReply, known: string | undefined, slug: string, serial?: string): Promise<Buffer | undefined> {
    const { der, etag } = await this.lists.current(slug, serial);
    reply.header('ETag', etag);
    if (known?.includes(etag)) {
      reply.status(HttpStatus.NOT_MODIFIED);
      return undefined;
    }
    reply.type('application/pkix-crl');
    return der;
  }
}
