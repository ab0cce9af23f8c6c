import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { ApiPage, type Page } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { AuditEventsService } from './audit-events.service.js';
import { AuditEventQuery } from './dto/audit-event-query.dto.js';
import { AuditEventDto, toAuditEventDto } from './dto/audit-event.dto.js';

@ApiTags('Audit')
@Controller('admin/audit-events')
export class AuditEventsController {
  constructor(private readonly events: AuditEventsService) {}

  @Get()
  @Authorize('read', 'AuditEvent')
  @ApiOperation({ operationId: 'listAuditEvents', summary: 'List who did what, or was refused, newest first' })
  @ApiPage(AuditEventDto)
  @ApiProblems(401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: AuditEventQuery): Promise<Page<AuditEventDto>> {
    const page = await this.events.list(caller, query);
    return { ...page, data: page.data.map(toAuditEventDto) };
  }
}
