import { Module } from '@nestjs/common';
import { SiteHealthModule } from '../site-health/index.js';
import { ChangeEventsController } from './change-events.controller.js';
import { ChangeEventsSweep } from './change-events.sweep.js';
import { ChangeFeed } from './change-feed.js';
import { ChangeLog } from './change-log.js';
import { EventStreams } from './event-streams.service.js';
import { PermittedChanges } from './permitted-changes.js';

@Module({
  imports: [SiteHealthModule],
  controllers: [ChangeEventsController],
  providers: [ChangeFeed, ChangeLog, EventStreams, PermittedChanges],
})
export class ChangeEventsModule {}

/** What forgets old changes: for the role `worker`. */
@Module({ providers: [ChangeEventsSweep] })
export class ChangeEventsWorkerModule {}
