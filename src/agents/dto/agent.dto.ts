import { ApiProperty } from '@nestjs/swagger';
import { IsUUID } from 'class-validator';
import type { AgentService } from '#libs/model';
import { PageQuery } from '../../platform/paging/index.js';
import { MayBeAbsent } from '../../platform/validation/index.js';
import { type AgentView, type AgentWithServices, SERVICES_MAX } from '../agent-inventory.js';

export class AgentQuery extends PageQuery {
  /**
   * Only agents of this site.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70"
   */
  @MayBeAbsent()
  @IsUUID()
  edge_site_id?: string;
}

/** An agent at a site. What it is and runs on it says itself. */
export class AgentDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f" */
  id!: string;

  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70" */
  edge_site_id!: string;

  /**
   * The `component_id` of its onboarding package.
   * @example "agent-rack-4"
   */
  agent_id!: string;

  /** @example "1.2.3" */
  version!: string;

  /** @example "plant-7" */
  hostname!: string;

  /** @example "linux" */
  os!: string;

  /** @example "amd64" */
  arch!: string;

  /** @example ["nats_leaf", "http"] */
  capabilities!: string[];

  /** @example { "rack": "4" } */
  labels!: Record<string, string>;

  /**
   * The version of the configuration that it had when it last said hello.
   * @example "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
   */
  config_version!: string;

  /**
   * The gateway that it spoke to last.
   * @example "gateway-1"
   */
  gateway_id!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  first_seen_at!: string;

  /** @example "2026-11-24T10:30:00.000Z" */
  last_seen_at!: string;

  /**
   * Whether nothing came of it for three heartbeats: 90 seconds, unless the installation has others.
   * @example false
   */
  silent!: boolean;
}

/** What an agent said last of something that it checks. */
export class AgentServiceDto {
  /**
   * The name of the check; `nats-leaf` is the leaf.
   * @example "nats-leaf"
   */
  service_name!: string;

  /**
   * The type of the check.
   * @example "nats_leaf"
   */
  service_type!: string;

  /** @example true */
  available!: boolean;

  /** What the check found. */
  @ApiProperty({ type: 'object', additionalProperties: true, example: { healthz: 'ok', upstream_connected: true } })
  details!: Record<string, unknown>;

  /**
   * Milliseconds.
   * @example 1.25
   */
  response_time_ms!: number;

  /**
   * When the gateway got it.
   * @example "2026-11-24T10:30:00.000Z"
   */
  reported_at!: string;

  /**
   * Since when it has been available, or has not been.
   * @example "2026-11-24T10:05:00.000Z"
   */
  changed_at!: string;
}

export class AgentDetailsDto extends AgentDto {
  /** By name. */
  @ApiProperty({
    type: () => AgentServiceDto,
    isArray: true,
    maxItems: SERVICES_MAX,
    example: [
      {
        service_name: 'nats-leaf',
        service_type: 'nats_leaf',
        available: true,
        details: { healthz: 'ok' },
        response_time_ms: 1.25,
        reported_at: '2026-11-24T10:30:00.000Z',
        changed_at: '2026-11-24T10:05:00.000Z',
      },
    ],
  })
  services!: AgentServiceDto[];
}

export const toAgentDto = ({ agent, silent }: AgentView): AgentDto => ({
  id: agent.id,
  edge_site_id: agent.edgeSiteId,
  agent_id: agent.agentId,
  version: agent.version,
  hostname: agent.hostname,
  os: agent.os,
  arch: agent.arch,
  capabilities: agent.capabilities,
  labels: agent.labels,
  config_version: agent.configVersion,
  gateway_id: agent.gatewayId,
  first_seen_at: agent.firstSeenAt.toISOString(),
  last_seen_at: agent.lastSeenAt.toISOString(),
  silent,
});

export const toAgentDetailsDto = ({ services, ...view }: AgentWithServices): AgentDetailsDto => ({ ...toAgentDto(view), services: services.map(toAgentServiceDto) });

const toAgentServiceDto = (service: AgentService): AgentServiceDto => ({
  service_name: service.serviceName,
  service_type: service.serviceType,
  available: service.available,
  details: service.details,
  response_time_ms: service.responseTimeNs / 1e6,
  reported_at: service.reportedAt.toISOString(),
  changed_at: service.changedAt.toISOString(),
});
