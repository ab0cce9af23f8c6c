import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { AlertSilencesService } from './alert-silences.service.js';
import { AlertSilenceDto, CreateAlertSilenceDto, toAlertSilenceDto, toNewSilence } from './dto/alert-silence.dto.js';

@ApiTags('Alerts')
@Controller('admin/alert-silences')
export class AlertSilencesController {
  constructor(private readonly silences: AlertSilencesService) {}

  @Post()
  @Authorize('create', 'AlertSilence')
  @Idempotent('alert_silence.create')
  @ApiOperation({ operationId: 'createAlertSilence', summary: 'Tell nobody of some alerts for a while; they open and resolve as ever' })
  @ApiProblems(400, 401, 403, 404, 422)
  async create(@CurrentCaller() caller: Caller, @Body() body: CreateAlertSilenceDto): Promise<AlertSilenceDto> {
    return toAlertSilenceDto(await this.silences.create(caller, toNewSilence(body)));
  }

  @Get()
  @Authorize('read', 'AlertSilence')
  @ApiOperation({ operationId: 'listAlertSilences', summary: 'List silences, newest first', description: 'Those that have ended are kept for 90 days.' })
  @ApiPage(AlertSilenceDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: PageQuery): Promise<Page<AlertSilenceDto>> {
    const page = await this.silences.list(caller, query);
    return { ...page, data: page.data.map(toAlertSilenceDto) };
  }

  @Delete(':id')
  @HttpCode(204)
  @Authorize('delete', 'AlertSilence')
  @ApiOperation({ operationId: 'deleteAlertSilence', summary: 'End a silence; of alerts that are open by then, people are told' })
  @ApiProblems(400, 401, 403, 404)
  async delete(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<void> {
    await this.silences.delete(caller, id);
  }
}
