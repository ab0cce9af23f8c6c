import { defineEntity, p } from '@mikro-orm/core';
import { tenantOwned } from './tenant-owned.js';

const schema = defineEntity({
  name: 'Agent',
  tableName: 'agents',
  ...tenantOwned,
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    edgeSiteId: p.uuid(),
    /** The component's own id, unique in its site: it stands in the certificate. */
    agentId: p.string(),

    // What it says of itself.
    version: p.string(),
    hostname: p.string(),
    os: p.string(),
    arch: p.string(),
    capabilities: p.array(),
    labels: p.json<Record<string, string>>(),
    configVersion: p.string(),

    /** The gateway that it spoke to last. */
    gatewayId: p.string(),
    firstSeenAt: p.datetime(),
    lastSeenAt: p.datetime(),
  },
});

/** An agent at an edge site, as it was when it last spoke to a gateway. */
export class Agent extends schema.class {}
schema.setClass(Agent);
