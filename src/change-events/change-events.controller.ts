import { Controller, Get, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOperation, ApiProduces, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { ChangeEventDto } from './dto/change-event.dto.js';
import { EventStreams } from './event-streams.service.js';

const EVENT_STREAM = 'text/event-stream';

/** Nobody keeps it, or holds it back until there is more. The connection ends with it, so that no shutdown waits for another request. */
const HEADERS = { 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'close' };

@ApiTags('Events')
@Controller('admin/events')
export class ChangeEventsController {
  constructor(private readonly streams: EventStreams) {}

  @Get()
  @Authorize('read', 'EdgeSite')
  @ApiOperation({
    operationId: 'streamEvents',
    summary: 'Hear of what changes, as server-sent events',
    description:
      'Tells of sites, leaves, packages and agents that the caller may read, as they come, change and go. Each event `change` holds a ChangeEvent; ' +
      'what it is about is read with its own operation. With `Last-Event-ID`, nothing is missed and nothing comes twice, whichever process answers. ' +
      'Changes are kept for a day: to an id that is older, or not of this service, comes an event `reset`: read all anew. What only the passing of ' +
      'time changes (a certificate that ends) is told by nobody. A comment comes at least every 15 seconds.',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'The id of the last event that was heard.', example: '7431-118' })
  @ApiProduces(EVENT_STREAM)
  @ApiExtraModels(ChangeEventDto)
  @ApiResponse({ status: 200, description: 'A stream that does not end by itself.', content: { [EVENT_STREAM]: { schema: { $ref: getSchemaPath(ChangeEventDto) } } } })
  @ApiProblems(400, 401, 403, 404)
  stream(@CurrentCaller() caller: Caller, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): StreamableFile {
    const header = (name: string) => [request.headers[name]].flat()[0] || undefined;
    const stream = this.streams.open(caller, { authorization: header('authorization'), tenant: header('x-tenant') }, header('last-event-id'));
    // Also when nobody reads it, as of a HEAD.
    reply.raw.once('close', () => stream.drop());
    void reply.headers(HEADERS);
    return new StreamableFile(stream.readable, { type: EVENT_STREAM });
  }
}
