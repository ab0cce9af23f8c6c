import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/index.js';
import { AgentConfigsModule } from '../checks/index.js';
import { PkiModule } from '../pki/index.js';
import { GatewayCalls } from './gateway-calls.js';
import { GatewayCertificate } from './gateway-certificate.js';
import { GatewayHandlers } from './gateway-handlers.js';
import { GatewayServer } from './gateway-server.js';
import { Peers } from './peers.js';

/** Where agents dial in: for the role `gateway`. */
@Module({ imports: [AgentConfigsModule, AgentsModule, PkiModule], providers: [GatewayCalls, GatewayCertificate, GatewayHandlers, GatewayServer, Peers] })
export class GatewayModule {}
