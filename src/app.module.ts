import { type DynamicModule, Module } from '@nestjs/common';
import { AgentInventoryModule } from './agents/index.js';
import { AlertsModule, AlertsWorkerModule } from './alerts/index.js';
import { ApiKeysModule } from './api-keys/index.js';
import { AuditEventsModule, AuditSealingModule } from './audit-events/index.js';
import { BundlesModule } from './bundles/index.js';
import { CaRollOverModule, CaRollOverWorkerModule } from './ca-roll-over/index.js';
import { ChecksModule } from './checks/index.js';
import { ChangeEventsModule, ChangeEventsWorkerModule } from './change-events/index.js';
import { CollectorsModule, CollectorsWorkerModule } from './collectors/index.js';
import { EdgeSitesModule } from './edge-sites/index.js';
import { GatewayModule } from './gateway/index.js';
import { LeafAccountsModule, LeafAccountsWorkerModule } from './leaf-accounts/index.js';
import { MonitorModule } from './monitor/index.js';
import { AccountPushModule, NatsModule } from './nats/index.js';
import { PkiModule } from './pki/index.js';
import { OnboardingModule, OnboardingWorkerModule } from './onboarding/index.js';
import { AuditModule } from './platform/audit/index.js';
import { AuthModule } from './platform/auth/index.js';
import { ClockModule } from './platform/clock.js';
import { type Config, ConfigModule } from './platform/config/index.js';
import { DatabaseModule, type DatabaseUrls, DatabaseUrlsModule } from './platform/database/index.js';
import { EncryptionModule } from './platform/encryption/index.js';
import { HealthModule } from './platform/health/index.js';
import { IdempotencyModule, IdempotencySweepModule } from './platform/idempotency/index.js';
import { LoggingModule } from './platform/logging/index.js';
import { MetricsModule } from './platform/metrics/index.js';
import { ProblemModule } from './platform/problem/index.js';
import { AddressesModule } from './platform/addresses.module.js';
import { QueueModule } from './platform/queue/index.js';
import { RateLimitModule, RateLimitSweepModule } from './platform/rate-limit/index.js';
import { TracingModule } from './platform/tracing/index.js';
import { ValidationModule } from './platform/validation/index.js';
import { ProvisioningModule } from './provisioning/index.js';
import { SigningKeysModule, SigningKeysWorkerModule } from './signing-keys/index.js';
import { StreamsModule, StreamsWorkerModule } from './streams/index.js';
import { TenantsModule } from './tenants/index.js';

/** What every role needs. */
const PLATFORM = [
  ClockModule,
  AddressesModule,
  EncryptionModule,
  HealthModule,
  MetricsModule,
  TracingModule,
  DatabaseModule,
  QueueModule,
  AuditModule,
  AuthModule,
  IdempotencyModule,
  LoggingModule,
  ProblemModule,
  ValidationModule,
  RateLimitModule,
];

const FEATURES = [
  ApiKeysModule,
  AuditEventsModule,
  TenantsModule,
  PkiModule,
  CaRollOverModule,
  NatsModule,
  EdgeSitesModule,
  ChangeEventsModule,
  CollectorsModule,
  OnboardingModule,
  ChecksModule,
  AgentInventoryModule,
  BundlesModule,
  StreamsModule,
  LeafAccountsModule,
  SigningKeysModule,
  AlertsModule,
];

@Module({})
export class AppModule {
  /** The application for the roles that the configuration names. All of them answer for their health over HTTP. */
  static forRoot(config: Config, urls: DatabaseUrls): DynamicModule {
    const has = (role: Config['roles'][number]) => config.roles.includes(role);
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        DatabaseUrlsModule.forRoot(urls),
        ...PLATFORM,
        ...FEATURES,
        ...(has('worker')
          ? [
              AuditSealingModule,
              ChangeEventsWorkerModule,
              IdempotencySweepModule,
              RateLimitSweepModule,
              ProvisioningModule,
              CaRollOverWorkerModule,
              CollectorsWorkerModule,
              OnboardingWorkerModule,
              AccountPushModule,
              LeafAccountsWorkerModule,
              StreamsWorkerModule,
              SigningKeysWorkerModule,
              AlertsWorkerModule,
            ]
          : []),
        ...(has('monitor') ? [MonitorModule] : []),
        ...(has('gateway') ? [GatewayModule] : []),
      ],
    };
  }
}
