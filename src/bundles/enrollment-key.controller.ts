import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Public } from '../platform/auth/index.js';
import { EnrollmentKeys } from './enrollment-keys.js';

const PEM = 'application/x-pem-file';

@ApiTags('PKI')
@Controller('pki')
export class EnrollmentKeyController {
  constructor(private readonly keys: EnrollmentKeys) {}

  @Get('enrollment-key')
  @Public()
  @Header('content-type', PEM)
  @ApiOperation({
    operationId: 'getEnrollmentKey',
    summary: 'Get the public key that enrolment tokens are signed with: Ed25519, as PEM',
  })
  @ApiProduces(PEM)
  @ApiResponse({
    status: 200,
    description: 'The key, as SubjectPublicKeyInfo.',
    content: { [PEM]: { schema: { type: 'string' }, example: '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA…\n-----END PUBLIC KEY-----\n' } },
  })
  get(): Promise<string> {
    return this.keys.publicKeyPem();
  }
}
