import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { TenantStream } from '#libs/model';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { type Conditions, RequestConditions, Tagged } from '../platform/conditional/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { SetStreamSubjectsDto, StreamSubjectsDto, toStreamSubjectsDto } from './dto/stream-subjects.dto.js';
import { StreamSubjectsService, versionOf } from './stream-subjects.service.js';

@ApiTags('NATS')
@Controller('admin/nats/stream-subjects')
export class StreamSubjectsController {
  constructor(private readonly subjects: StreamSubjectsService) {}

  @Get()
  @Authorize('read', 'StreamSubjects')
  @Tagged()
  @ApiOperation({ operationId: 'getStreamSubjects', summary: 'Get the subjects that the tenant’s streams store' })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @RequestConditions() conditions: Conditions): Promise<StreamSubjectsDto> {
    return answer(conditions, await this.subjects.get(caller));
  }

  @Put()
  @Authorize('update', 'StreamSubjects')
  @Tagged()
  @ApiOperation({ operationId: 'setStreamSubjects', summary: 'Say which subjects the tenant’s streams store besides those of collectors' })
  @ApiProblems(400, 401, 403, 404, 422)
  async set(
    @CurrentCaller() caller: Caller,
    @Body() body: SetStreamSubjectsDto,
    @RequestConditions() conditions: Conditions,
  ): Promise<StreamSubjectsDto> {
    return answer(conditions, await this.subjects.set(caller, body.subjects, conditions));
  }
}

const answer = (conditions: Conditions, stream: TenantStream | null) => conditions.answer(versionOf(stream), toStreamSubjectsDto(stream));
