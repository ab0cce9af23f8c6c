import { Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { AlertsService } from './alerts.service.js';
import { AlertDto, AlertQuery, toAlertDto, toAlertFilter } from './dto/alert.dto.js';
import { AlertDeliveryDto, toAlertDeliveryDto } from './dto/alert-delivery.dto.js';

@ApiTags('Alerts')
@Controller('admin/alerts')
export class AlertsController {
  constructor(private readonly alerts: AlertsService) {}

  @Get()
  @Authorize('read', 'Alert')
  @ApiOperation({ operationId: 'listAlerts', summary: 'List alerts, newest first', description: 'Those that are resolved are kept for 90 days.' })
  @ApiPage(AlertDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: AlertQuery): Promise<Page<AlertDto>> {
    const page = await this.alerts.list(caller, { ...query, ...toAlertFilter(query) });
    return { ...page, data: page.data.map(toAlertDto) };
  }

  @Get(':id')
  @Authorize('read', 'Alert')
  @ApiOperation({ operationId: 'getAlert', summary: 'Get an alert' })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<AlertDto> {
    return toAlertDto(await this.alerts.get(caller, id));
  }

  @Post(':id/acknowledge')
  @HttpCode(200)
  @Authorize('update', 'Alert')
  @Idempotent('alert.acknowledge')
  @ApiOperation({ operationId: 'acknowledgeAlert', summary: 'Say that somebody has seen an alert: nobody else is told of it any more, but that it is over' })
  @ApiProblems(400, 401, 403, 404, 409)
  async acknowledge(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<AlertDto> {
    return toAlertDto(await this.alerts.acknowledge(caller, id));
  }

  @Get(':id/deliveries')
  @Authorize('read', 'Alert')
  @ApiOperation({ operationId: 'listAlertDeliveries', summary: 'List what was told of an alert, or is to be, newest first' })
  @ApiPage(AlertDeliveryDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async deliveries(@CurrentCaller() caller: Caller, @IdParam() id: string, @Query() query: PageQuery): Promise<Page<AlertDeliveryDto>> {
    const page = await this.alerts.deliveries(caller, id, query);
    return { ...page, data: page.data.map(toAlertDeliveryDto) };
  }
}
