import { Module } from '@nestjs/common';
import { AgentInventory } from './agent-inventory.js';
import { AgentsController } from './agents.controller.js';

@Module({ controllers: [AgentsController], providers: [AgentInventory] })
export class AgentsModule {}
