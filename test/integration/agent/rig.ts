import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#libs/kernel';
import { AgentProcess } from '../../../lab/agent-process.js';
import { temporaryDirectory } from '../../../lab/temporary-directory.js';
import { until } from '../../../lab/until.js';
import { StandInGateway } from './stand-in-gateway.js';

/** An agent as it is delivered, and a gateway for it. Neither runs yet. */
export class Rig {
  readonly directory = temporaryDirectory();
  readonly agent = new AgentProcess({ directory: this.directory });

  private constructor(public gateway: StandInGateway) {}

  static async create(): Promise<Rig> {
    return new Rig(await StandInGateway.create());
  }

  /** Puts one into the gateway's place whose CAs and packages are of another time. */
  replaceGateway(issued: Clock): StandInGateway {
    return (this.gateway = new StandInGateway(this.gateway.port, issued));
  }

  async end(): Promise<void> {
    await this.agent.kill();
    this.gateway.stop();
    rmSync(this.directory, { recursive: true });
  }

  /** The file of an onboarding package. */
  async packaged(agentId?: string): Promise<string> {
    const file = join(this.directory, `package ${agentId ?? ''}.tar.gz`);
    writeFileSync(file, await this.gateway.package(agentId));
    return file;
  }

  /** @returns what the agent said to it */
  async enrolled(): Promise<string> {
    return this.agent.enrol(await this.packaged());
  }

  saying(text: string | RegExp): Promise<true> {
    return until(`the agent says ${text}`, () => (typeof text === 'string' ? this.agent.log.includes(text) : text.test(this.agent.log)) || undefined);
  }

  /** What was reported of a service, the oldest first. */
  reported(name: string) {
    return this.gateway.reports.flatMap(({ services }) => services.filter((one) => one.service_name === name));
  }

  /** The details of what was reported of a service last. */
  lastOf(name: string): Record<string, unknown> | null {
    return JSON.parse(this.reported(name).at(-1)?.message.toString() ?? 'null') as Record<string, unknown> | null;
  }

  /** The files in which the agent keeps what it could not say yet. */
  kept(what = 'spool'): string[] {
    return readdirSync(join(this.agent.home, 'state', what));
  }
}
