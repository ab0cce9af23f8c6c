import { Module } from '@nestjs/common';
import { AgentInventory } from './agent-inventory.js';
import { AgentsController } from './agents.controller.js';

/** What people see of the agents. */
@Module({ controllers: [AgentsController], providers: [AgentInventory] })
export class AgentInventoryModule {}
