import { mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DownloadTokenDto } from '../src/bundles/dto/download-token.dto.js';
import type { OnboardingPackageDto } from '../src/onboarding/dto/onboarding-package.dto.js';
import { ok } from './api.js';
import { Child, type Outcome, run } from './child.js';
import type { Site } from './site.js';
import type { Tenant } from './tenant.js';

const PROGRAM = resolve('dist/agent/serviceradar-agent.cjs');

interface AgentOptions {
  /** Takes what it enrols with, what it remembers, and what it says. */
  directory: string;
}

/** An agent as a process of its own: the file that `npm run agent:build` makes. */
export class AgentProcess {
  #process: Child | undefined;

  constructor(private readonly options: AgentOptions) {}

  /** Where it has enrolled. */
  get home(): string {
    return join(this.options.directory, 'agent');
  }

  get process(): Child {
    if (this.#process === undefined) throw new Error('The agent was not started.');
    return this.#process;
  }

  /** All that it said, in all its lives. */
  get log(): string {
    return this.#process?.log ?? '';
  }

  /** Runs a command of it to its end. */
  command(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return run(process.execPath, [PROGRAM, ...args], { env });
  }

  /** Enrols as somebody at the site does it: the curl line, and one command. */
  async install({ api }: Tenant, site: Site, label = 'The agent'): Promise<OnboardingPackageDto> {
    const asked = { label, component_type: 'agent', component_id: 'agent-1', edge_site_id: site.id };
    const made = await ok(api.post<OnboardingPackageDto>('/admin/edge-packages', asked));
    const { command } = await ok(api.post<DownloadTokenDto>(`/admin/edge-packages/${made.id}/download-tokens`));
    const folder = join(this.options.directory, 'package');
    mkdirSync(folder);
    const { code, output } = await run('sh', ['-c', command], { cwd: folder });
    if (code !== 0) throw new Error(`The curl line ended with ${code}: ${output}`);
    await this.enrol(join(folder, readdirSync(folder)[0]!), '--leaf-dir', join(site.leaf.prefix, 'etc/nats'));
    return made;
  }

  /** @param archive file of an onboarding package @throws Error with what it said */
  async enrol(archive: string, ...more: string[]): Promise<string> {
    const { code, output } = await this.command(['enrol', '--bundle', archive, '--dir', this.home, ...more]);
    if (code !== 0) throw new Error(`enrol ended with ${code}: ${output}`);
    return output;
  }

  start(env: NodeJS.ProcessEnv = {}): void {
    this.#process = new Child('agent', process.execPath, [PROGRAM, 'run', '--config', this.home], { log: join(this.options.directory, 'agent.log'), env });
  }

  /** In order. @returns the exit code */
  async stop(): Promise<number | null | undefined> {
    return this.#process?.stop('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }
}
