import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { NatsOperatorDto, RotationStepDto, toNatsOperatorDto } from './dto/nats-operator.dto.js';
import { OperatorRotation } from './operator-rotation.service.js';

@ApiTags('NATS')
@Controller('admin/nats/operator')
export class OperatorController {
  constructor(private readonly rotation: OperatorRotation) {}

  @Get()
  @Authorize('read', 'NatsOperator')
  @ApiOperation({ operationId: 'getNatsOperator', summary: 'Get the operator, its signing keys, and what a rotation waits for' })
  @ApiProblems(401, 403)
  async get(@CurrentCaller() caller: Caller): Promise<NatsOperatorDto> {
    return toNatsOperatorDto(await this.rotation.state(caller));
  }

  @Post('signing-keys')
  @Authorize('update', 'NatsOperator')
  @Idempotent('nats_operator_key.create')
  @ApiOperation({ operationId: 'createNatsOperatorKey', summary: 'Make the next signing key; hub and sites have to know it before it signs' })
  @ApiProblems(401, 403, 409)
  async begin(@CurrentCaller() caller: Caller): Promise<NatsOperatorDto> {
    return toNatsOperatorDto(await this.rotation.begin(caller));
  }

  @Post('signing-keys/:id/activate')
  @HttpCode(200)
  @Authorize('update', 'NatsOperator')
  @ApiOperation({ operationId: 'activateNatsOperatorKey', summary: 'Sign with the next key from now on; all accounts are signed anew' })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async activate(@CurrentCaller() caller: Caller, @IdParam() id: string, @Body() body: RotationStepDto): Promise<NatsOperatorDto> {
    return toNatsOperatorDto(await this.rotation.activate(caller, id, body));
  }

  @Post('signing-keys/:id/retire')
  @HttpCode(200)
  @Authorize('update', 'NatsOperator')
  @ApiOperation({ operationId: 'retireNatsOperatorKey', summary: 'Take a key that was replaced, or never signed, out of the operator' })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async retire(@CurrentCaller() caller: Caller, @IdParam() id: string, @Body() body: RotationStepDto): Promise<NatsOperatorDto> {
    return toNatsOperatorDto(await this.rotation.retire(caller, id, body));
  }
}
