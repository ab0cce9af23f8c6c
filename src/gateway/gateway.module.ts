import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/index.js';
import { AgentConfigsModule } from '../checks/index.js';
import { OnboardingModule } from '../onboarding/index.js';
import { PkiModule } from '../pki/index.js';
import { AgentsService } from './agents.service.js';
import { GatewayServer } from './gateway-server.js';

/** Where agents dial in: for the role `gateway`. */
@Module({ imports: [PkiModule, OnboardingModule, AgentsModule, AgentConfigsModule], providers: [AgentsService, GatewayServer] })
export class GatewayModule {}
