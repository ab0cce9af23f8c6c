import { BullModule } from '@nestjs/bullmq';
import { Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { PkiModule } from '../pki/index.js';
import { Config } from '../platform/config/index.js';
import { ACCOUNTS_QUEUE } from './account-push.js';
import { AccountKeys } from './account-keys.service.js';
import { AccountPusher } from './account-pusher.js';
import { AccountService } from './account.service.js';
import { CredentialService } from './credential.service.js';
import { HubAddress } from './hub-address.js';
import { HubClient } from './hub-client.js';
import { HubConnection } from './hub-connection.js';
import { HubFiles } from './hub-files.js';
import { HubMetrics } from './hub-metrics.js';
import { LocalHub } from './local-hub.js';
import { NatsController } from './nats.controller.js';
import { OperatorController } from './operator.controller.js';
import { OperatorRotation } from './operator-rotation.service.js';
import { OperatorService } from './operator.service.js';
import { PlatformHosts } from './platform-hosts.js';
import { TenantConnections } from './tenant-connections.js';
import { TenantCredentials } from './tenant-credentials.service.js';

const PUBLIC = [
  AccountKeys,
  AccountPusher,
  AccountService,
  CredentialService,
  HubAddress,
  HubConnection,
  HubFiles,
  OperatorService,
  PlatformHosts,
  TenantConnections,
  TenantCredentials,
];

@Module({
  imports: [PkiModule, BullModule.registerQueue({ name: ACCOUNTS_QUEUE })],
  controllers: [NatsController, OperatorController],
  providers: [...PUBLIC, HubClient, HubMetrics, LocalHub, OperatorRotation],
  exports: PUBLIC,
})
export class NatsModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly config: Config,
    private readonly localHub: LocalHub,
    private readonly hub: HubConnection,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.localHub.start();
    // The API alone never talks to the hub.
    if (this.config.roles.includes('worker') || this.config.roles.includes('monitor')) this.hub.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.localHub.stop();
  }
}
