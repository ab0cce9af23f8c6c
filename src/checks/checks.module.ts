import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/index.js';
import { AgentConfigs } from './agent-configs.service.js';
import { ChecksController } from './checks.controller.js';
import { ChecksService } from './checks.service.js';

@Module({ controllers: [ChecksController], providers: [ChecksService] })
export class ChecksModule {}

/** What agents are told of them: for the role `gateway`. */
@Module({ imports: [AgentsModule], providers: [AgentConfigs], exports: [AgentConfigs] })
export class AgentConfigsModule {}
