import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'AgentService',
  tableName: 'agent_services',
  ...tenantOwned,
  properties: {
    agentId: p.uuid().primary(),
    serviceName: p.string().primary(),
    tenantId: p.uuid(),
    edgeSiteId: p.uuid(),
    /** The type of the check. */
    serviceType: p.string(),
    available: p.boolean(),
    /** What the check found. */
    details: p.json<Record<string, unknown>>(),
    responseTimeNs: p.bigint('number'),
    /** When the gateway got it: the clocks of sites are their own. */
    reportedAt: p.datetime(),
    /** Since when it has been available, or has not been; of a leaf also, since when it has been connected upstream, or has not. */
    changedAt: p.datetime(),
  },
});

/** How a service is that an agent checks, by what the agent said last. */
export class AgentService extends schema.class {}
schema.setClass(AgentService);
