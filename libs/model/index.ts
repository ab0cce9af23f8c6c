import { Agent } from './agent.entity.js';
import { AgentService } from './agent-service.entity.js';
import { AlertChannel } from './alert-channel.entity.js';
import { AlertDelivery, AlertDeliveryItem } from './alert-delivery.entity.js';
import { Alert } from './alert.entity.js';
import { AlertRule } from './alert-rule.entity.js';
import { AlertSilence } from './alert-silence.entity.js';
import { ApiKey } from './api-key.entity.js';
import { AuditEvent } from './audit-event.entity.js';
import { Certificate } from './certificate.entity.js';
import { Check } from './check.entity.js';
import { CollectorPackage } from './collector-package.entity.js';
import { DownloadToken } from './download-token.entity.js';
import { EdgeSite } from './edge-site.entity.js';
import { EnrollmentKey } from './enrollment-key.entity.js';
import { LeafConnection } from './leaf-connection.entity.js';
import { IdempotencyKey } from './idempotency-key.entity.js';
import { LeafControlLink } from './leaf-control-link.entity.js';
import { NatsAccountKey } from './nats-account-key.entity.js';
import { NatsAccount } from './nats-account.entity.js';
import { NatsLeafServer } from './nats-leaf-server.entity.js';
import { NatsOperator } from './nats-operator.entity.js';
import { NatsOperatorKey } from './nats-operator-key.entity.js';
import { NatsUser } from './nats-user.entity.js';
import { OnboardingPackage } from './onboarding-package.entity.js';
import { PlatformCa } from './platform-ca.entity.js';
import { SiteBuffer } from './site-buffer.entity.js';
import { Tenant } from './tenant.entity.js';
import { TenantCa } from './tenant-ca.entity.js';
import { TenantStream } from './tenant-stream.entity.js';

export * from './agent.entity.js';
export * from './agent-service.entity.js';
export * from './alert-channel.entity.js';
export * from './alert-delivery.entity.js';
export * from './alert.entity.js';
export * from './alert-rule.entity.js';
export * from './alert-silence.entity.js';
export * from './api-key.entity.js';
export * from './audit-event.entity.js';
export * from './certificate.entity.js';
export * from './check.entity.js';
export * from './collector-package.entity.js';
export * from './download-token.entity.js';
export * from './edge-site.entity.js';
export * from './enrollment-key.entity.js';
export * from './leaf-connection.entity.js';
export * from './idempotency-key.entity.js';
export * from './leaf-control-link.entity.js';
export * from './nats-account-key.entity.js';
export * from './nats-account.entity.js';
export * from './nats-leaf-server.entity.js';
export * from './nats-operator.entity.js';
export * from './nats-operator-key.entity.js';
export * from './nats-user.entity.js';
export * from './onboarding-package.entity.js';
export * from './platform-ca.entity.js';
export * from './site-buffer.entity.js';
export * from './tenant-ca.entity.js';
export * from './tenant-owned.js';
export * from './tenant-stream.entity.js';
export * from './tenant.entity.js';

export const entities = [
  Agent,
  AgentService,
  Alert,
  AlertChannel,
  AlertDelivery,
  AlertDeliveryItem,
  AlertRule,
  AlertSilence,
  ApiKey,
  AuditEvent,
  Certificate,
  Check,
  CollectorPackage,
  DownloadToken,
  EdgeSite,
  EnrollmentKey,
  LeafConnection,
  IdempotencyKey,
  LeafControlLink,
  NatsAccount,
  NatsAccountKey,
  NatsLeafServer,
  NatsOperator,
  NatsOperatorKey,
  NatsUser,
  OnboardingPackage,
  PlatformCa,
  SiteBuffer,
  Tenant,
  TenantCa,
  TenantStream,
];
