import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { SetStreamSubjectsDto, StreamSubjectsDto, toStreamSubjectsDto } from './dto/stream-subjects.dto.js';
import { StreamSubjectsService } from './stream-subjects.service.js';

@ApiTags('NATS')
@Controller('admin/nats/stream-subjects')
export class StreamSubjectsController {
  constructor(private readonly subjects: StreamSubjectsService) {}

  @Get()
  @Authorize('read', 'StreamSubjects')
  @ApiOperation({ operationId: 'getStreamSubjects', summary: 'Get the subjects that the tenant’s streams store' })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller): Promise<StreamSubjectsDto> {
    return toStreamSubjectsDto(await this.subjects.get(caller));
  }

  @Put()
  @Authorize('update', 'StreamSubjects')
  @ApiOperation({ operationId: 'setStreamSubjects', summary: 'Say which subjects the tenant’s streams store besides those of collectors' })
  @ApiProblems(400, 401, 403, 404, 422)
  async set(@CurrentCaller() caller: Caller, @Body() body: SetStreamSubjectsDto): Promise<StreamSubjectsDto> {
    return toStreamSubjectsDto(await this.subjects.set(caller, body.subjects));
  }
}
