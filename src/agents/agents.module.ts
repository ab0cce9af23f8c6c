import { Module } from '@nestjs/common';
import { OnboardingModule } from '../onboarding/index.js';
import { AgentConfigSource } from './agent-config-source.js';
import { AgentRenewals } from './agent-renewals.js';

/** The agents, and what they say: for the role `gateway`. */
@Module({ imports: [OnboardingModule], providers: [AgentConfigSource, AgentRenewals], exports: [AgentConfigSource, AgentRenewals] })
export class AgentsModule {}
