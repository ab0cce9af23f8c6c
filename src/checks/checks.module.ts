import { Module } from '@nestjs/common';
import { AgentConfigs } from './agent-configs.service.js';
import { ChecksController } from './checks.controller.js';
import { ChecksService } from './checks.service.js';

@Module({ controllers: [ChecksController], providers: [ChecksService, AgentConfigs], exports: [AgentConfigs] })
export class ChecksModule {}
