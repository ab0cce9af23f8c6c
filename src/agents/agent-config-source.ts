import { Injectable } from '@nestjs/common';
import type { AgentPeer } from './agent-peer.js';

/** Tells which version of its configuration an agent should have. */
export type ConfigVersionOf = (peer: AgentPeer) => Promise<string>;

/** Who knows what agents are to check: a feature that knows of agents, and that they know nothing of. */
@Injectable()
export class AgentConfigSource {
  #versionOf: ConfigVersionOf | undefined;

  register(versionOf: ConfigVersionOf): void {
    this.#versionOf = versionOf;
  }

  /** @param version what the agent has; empty when it has none */
  async isOutdated(peer: AgentPeer, version: string): Promise<boolean> {
    return this.#versionOf !== undefined && (await this.#versionOf(peer)) !== version;
  }
}
