import { type Api, ok } from '../../../lab/api.js';
import type { OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import { Agent, type AgentIdentity, identityOf } from './agent.js';

/** An agent with a package of its own. */
export interface IssuedAgent {
  package: OnboardingPackageDto;
  identity: AgentIdentity;
  /** A connection of its own; closed by `close` of those that it is one of. */
  connect(): Agent;
}

/** Makes agents of a tenant's sites. */
export class AgentsOfSite {
  readonly #open: Agent[] = [];
  #count = 0;

  constructor(private readonly api: Api) {}

  async issue(siteId: string, componentId = `agent-${++this.#count}`): Promise<IssuedAgent> {
    const asked = { label: 'An agent', component_type: 'agent', component_id: componentId, edge_site_id: siteId };
    const issued = await ok(this.api.post<OnboardingPackageDto>('/admin/edge-packages', asked));
    const identity = await identityOf(this.api, issued);
    return { package: issued, identity, connect: () => this.keep(new Agent(identity, identity)) };
  }

  /** One that has said hello. */
  async greeted(siteId: string, componentId?: string): Promise<IssuedAgent & { agent: Agent }> {
    const issued = await this.issue(siteId, componentId);
    const agent = issued.connect();
    await agent.hello({});
    return { ...issued, agent };
  }

  keep(agent: Agent): Agent {
    this.#open.push(agent);
    return agent;
  }

  close(): void {
    this.#open.splice(0).forEach((agent) => agent.close());
  }
}
