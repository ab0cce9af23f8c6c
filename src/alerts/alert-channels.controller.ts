import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { AlertChannel } from '#libs/model';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { type Conditions, RequestConditions, Tagged } from '../platform/conditional/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { AlertChannelsService } from './alert-channels.service.js';
import { AlertChannelDto, CreateAlertChannelDto, toAlertChannelDto, UpdateAlertChannelDto } from './dto/alert-channel.dto.js';
import { AlertDeliveryDto, toAlertDeliveryDto } from './dto/alert-delivery.dto.js';

@ApiTags('Alerts')
@Controller('admin/alert-channels')
export class AlertChannelsController {
  constructor(private readonly channels: AlertChannelsService) {}

  @Post()
  @Authorize('create', 'AlertChannel')
  @Idempotent('alert_channel.create')
  @ApiOperation({ operationId: 'createAlertChannel', summary: 'Create a channel that alert rules can tell people by' })
  @ApiProblems(400, 401, 403, 404, 422)
  async create(@CurrentCaller() caller: Caller, @Body() body: CreateAlertChannelDto): Promise<AlertChannelDto> {
    return toAlertChannelDto(await this.channels.create(caller, body));
  }

  @Get()
  @Authorize('read', 'AlertChannel')
  @ApiOperation({ operationId: 'listAlertChannels', summary: 'List alert channels, newest first' })
  @ApiPage(AlertChannelDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: PageQuery): Promise<Page<AlertChannelDto>> {
    const page = await this.channels.list(caller, query);
    return { ...page, data: page.data.map(toAlertChannelDto) };
  }

  @Get(':id')
  @Authorize('read', 'AlertChannel')
  @Tagged()
  @ApiOperation({ operationId: 'getAlertChannel', summary: 'Get an alert channel, and whether its messages arrive' })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @IdParam() id: string, @RequestConditions() conditions: Conditions): Promise<AlertChannelDto> {
    return answer(conditions, await this.channels.get(caller, id));
  }

  @Patch(':id')
  @Authorize('update', 'AlertChannel')
  @Tagged()
  @ApiOperation({ operationId: 'updateAlertChannel', summary: 'Change an alert channel; what it still has to send is sent to where it leads now' })
  @ApiProblems(400, 401, 403, 404, 422)
  async update(
    @CurrentCaller() caller: Caller,
    @IdParam() id: string,
    @Body() body: UpdateAlertChannelDto,
    @RequestConditions() conditions: Conditions,
  ): Promise<AlertChannelDto> {
    return answer(conditions, await this.channels.update(caller, id, body, conditions));
  }

  @Delete(':id')
  @HttpCode(204)
  @Authorize('delete', 'AlertChannel')
  @Tagged()
  @ApiOperation({ operationId: 'deleteAlertChannel', summary: 'Delete an alert channel, with what it still has to send; it is taken out of all rules' })
  @ApiProblems(400, 401, 403, 404)
  async delete(@CurrentCaller() caller: Caller, @IdParam() id: string, @RequestConditions() conditions: Conditions): Promise<void> {
    await this.channels.delete(caller, id, conditions);
  }

  @Post(':id/test')
  @HttpCode(202)
  @Authorize('update', 'AlertChannel')
  @Idempotent('alert_channel.test')
  @ApiOperation({ operationId: 'testAlertChannel', summary: 'Send a test message by an alert channel, once; its deliveries say whether it arrived' })
  @ApiProblems(400, 401, 403, 404)
  async test(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<AlertDeliveryDto> {
    return toAlertDeliveryDto(await this.channels.test(caller, id));
  }

  @Get(':id/deliveries')
  @Authorize('read', 'AlertChannel')
  @ApiOperation({ operationId: 'listAlertChannelDeliveries', summary: 'List what was sent by an alert channel, or is to be, newest first' })
  @ApiPage(AlertDeliveryDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async deliveries(@CurrentCaller() caller: Caller, @IdParam() id: string, @Query() query: PageQuery): Promise<Page<AlertDeliveryDto>> {
    const page = await this.channels.deliveries(caller, id, query);
    return { ...page, data: page.data.map(toAlertDeliveryDto) };
  }
}

const answer = (conditions: Conditions, channel: AlertChannel) => conditions.answer(channel.settingsVersion, toAlertChannelDto(channel));
