import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { AlertRule } from '#libs/model';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { type Conditions, RequestConditions, Tagged } from '../platform/conditional/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { AlertRulesService } from './alert-rules.service.js';
import { AlertRuleDto, CreateAlertRuleDto, toAlertRuleDto, toRuleChanges, toRuleSettings, UpdateAlertRuleDto } from './dto/alert-rule.dto.js';

@ApiTags('Alerts')
@Controller('admin/alert-rules')
export class AlertRulesController {
  constructor(private readonly rules: AlertRulesService) {}

  @Post()
  @Authorize('create', 'AlertRule')
  @Idempotent('alert_rule.create')
  @ApiOperation({ operationId: 'createAlertRule', summary: 'Create an alert rule: what is watched at which sites, and who is told' })
  @ApiProblems(400, 401, 403, 404, 422)
  async create(@CurrentCaller() caller: Caller, @Body() body: CreateAlertRuleDto): Promise<AlertRuleDto> {
    return toAlertRuleDto(await this.rules.create(caller, toRuleSettings(body)));
  }

  @Get()
  @Authorize('read', 'AlertRule')
  @ApiOperation({ operationId: 'listAlertRules', summary: 'List alert rules, newest first' })
  @ApiPage(AlertRuleDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: PageQuery): Promise<Page<AlertRuleDto>> {
    const page = await this.rules.list(caller, query);
    return { ...page, data: page.data.map(toAlertRuleDto) };
  }

  @Get(':id')
  @Authorize('read', 'AlertRule')
  @Tagged()
  @ApiOperation({ operationId: 'getAlertRule', summary: 'Get an alert rule' })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @IdParam() id: string, @RequestConditions() conditions: Conditions): Promise<AlertRuleDto> {
    return answer(conditions, await this.rules.get(caller, id));
  }

  @Patch(':id')
  @Authorize('update', 'AlertRule')
  @Tagged()
  @ApiOperation({ operationId: 'updateAlertRule', summary: 'Change an alert rule; its alerts resolve by what it says from then on' })
  @ApiProblems(400, 401, 403, 404, 422)
  async update(
    @CurrentCaller() caller: Caller,
    @IdParam() id: string,
    @Body() body: UpdateAlertRuleDto,
    @RequestConditions() conditions: Conditions,
  ): Promise<AlertRuleDto> {
    return answer(conditions, await this.rules.update(caller, id, toRuleChanges(body), conditions));
  }

  @Delete(':id')
  @HttpCode(204)
  @Authorize('delete', 'AlertRule')
  @Tagged()
  @ApiOperation({ operationId: 'deleteAlertRule', summary: 'Delete an alert rule; its alerts are resolved, and kept' })
  @ApiProblems(400, 401, 403, 404)
  async delete(@CurrentCaller() caller: Caller, @IdParam() id: string, @RequestConditions() conditions: Conditions): Promise<void> {
    await this.rules.delete(caller, id, conditions);
  }
}

const answer = (conditions: Conditions, rule: AlertRule) => conditions.answer(rule.settingsVersion, toAlertRuleDto(rule));
