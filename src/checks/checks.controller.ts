import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Check } from '#libs/model';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { type Conditions, RequestConditions, Tagged } from '../platform/conditional/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { ChecksService } from './checks.service.js';
import { CheckDto, toCheckDto } from './dto/check.dto.js';
import { CheckQuery, CreateCheckDto, toCheckChanges, toCheckFilter, toNewCheck, UpdateCheckDto } from './dto/check-input.dto.js';

@ApiTags('Agents')
@Controller('admin/checks')
export class ChecksController {
  constructor(private readonly checks: ChecksService) {}

  @Post()
  @Authorize('create', 'Check')
  @Idempotent('check.create')
  @ApiOperation({ operationId: 'createCheck', summary: 'Have the agents of an edge site check something' })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async create(@CurrentCaller() caller: Caller, @Body() body: CreateCheckDto): Promise<CheckDto> {
    return toCheckDto(await this.checks.create(caller, toNewCheck(body)));
  }

  @Get()
  @Authorize('read', 'Check')
  @ApiOperation({ operationId: 'listChecks', summary: 'List what agents check, newest first' })
  @ApiPage(CheckDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: CheckQuery): Promise<Page<CheckDto>> {
    const page = await this.checks.list(caller, { ...query, ...toCheckFilter(query) });
    return { ...page, data: page.data.map(toCheckDto) };
  }

  @Get(':id')
  @Authorize('read', 'Check')
  @Tagged()
  @ApiOperation({ operationId: 'getCheck', summary: 'Get a check' })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @IdParam() id: string, @RequestConditions() conditions: Conditions): Promise<CheckDto> {
    return answer(conditions, await this.checks.get(caller, id));
  }

  @Patch(':id')
  @Authorize('update', 'Check')
  @Tagged()
  @ApiOperation({ operationId: 'updateCheck', summary: 'Change a check; agents learn of it within half a minute' })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async update(
    @CurrentCaller() caller: Caller,
    @IdParam() id: string,
    @Body() body: UpdateCheckDto,
    @RequestConditions() conditions: Conditions,
  ): Promise<CheckDto> {
    return answer(conditions, await this.checks.update(caller, id, toCheckChanges(body), conditions));
  }

  @Delete(':id')
  @HttpCode(204)
  @Authorize('delete', 'Check')
  @Tagged()
  @ApiOperation({ operationId: 'deleteCheck', summary: 'Delete a check' })
  @ApiProblems(400, 401, 403, 404)
  async delete(@CurrentCaller() caller: Caller, @IdParam() id: string, @RequestConditions() conditions: Conditions): Promise<void> {
    await this.checks.delete(caller, id, conditions);
  }
}

const answer = (conditions: Conditions, check: Check) => conditions.answer(check.settingsVersion, toCheckDto(check));
