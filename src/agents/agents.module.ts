import { Module } from '@nestjs/common';
import { EdgeSitesModule } from '../edge-sites/index.js';
import { NatsModule } from '../nats/index.js';
import { OnboardingModule } from '../onboarding/index.js';
import { AgentConfigSource } from './agent-config-source.js';
import { AgentRenewals } from './agent-renewals.js';
import { AgentResults } from './agent-results.js';
import { AgentStatuses } from './agent-statuses.js';
import { AgentsService } from './agents.service.js';
import { PublishedResults } from './published-results.js';

/** The agents, and what they say: for the role `gateway`. */
@Module({
  imports: [EdgeSitesModule, NatsModule, OnboardingModule],
  providers: [AgentConfigSource, AgentRenewals, AgentResults, AgentStatuses, AgentsService, PublishedResults],
  exports: [AgentConfigSource, AgentRenewals, AgentResults, AgentStatuses, AgentsService],
})
export class AgentsModule {}
