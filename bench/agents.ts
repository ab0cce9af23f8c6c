import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AgentIdentity } from '../lab/agent.js';
import { type Api, ok } from '../lab/api.js';
import { Child, run } from '../lab/child.js';
import { until } from '../lab/until.js';
import type { DownloadTokenDto } from '../src/bundles/dto/download-token.dto.js';
import type { EdgeSiteDto } from '../src/edge-sites/dto/edge-site.dto.js';
import type { OnboardingPackageDto } from '../src/onboarding/dto/onboarding-package.dto.js';

/** Agents, each of a site of its own and with a certificate of its own. */
export async function issueAgents(api: Api, count: number, directory: string): Promise<AgentIdentity[]> {
  const made: AgentIdentity[] = [];
  for (let number = 0; number < count; number++) {
    const site = await ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name: `Bench ${number}` }));
    const asked = { label: 'Bench', component_type: 'agent', component_id: `agent-${number}`, edge_site_id: site.id };
    const { id } = await ok(api.post<OnboardingPackageDto>('/admin/edge-packages', asked));
    const { token } = await ok(api.post<DownloadTokenDto>(`/admin/edge-packages/${id}/download-tokens`));
    const headers = { 'x-serviceradar-download-token': token };
    const archive = join(directory, `${id}.tar.gz`);
    writeFileSync(archive, await ok(api.as({}).call<Buffer>('POST', `/edge-packages/${id}/bundle`, { headers })));
    await run('tar', ['-xzf', archive, '-C', directory]);
    const folder = join(directory, readdirSync(directory).find((name) => name.endsWith(id.slice(0, 8)))!);
    const text = (file: string) => readFileSync(join(folder, file), 'utf8');
    const { server_name: serverName } = JSON.parse(text('config/gateway.json')) as { server_name: string };
    made.push({ address: '', serverName, cert: text('certs/component.pem'), key: text('certs/component-key.pem'), ca: text('certs/ca-chain.pem') });
  }
  return made;
}

/** Starts the bare gateway, which takes agents of the given root. @returns it, and what its agents dial and trust */
export async function startBareGateway(directory: string, root: string): Promise<{ child: Child; address: string; ca: string }> {
  const at = (name: string) => join(directory, name);
  writeFileSync(at('agents-ca.pem'), root);
  const names = ['-subj', '/CN=bare', '-addext', 'subjectAltName=DNS:agent-gateway.serviceradar'];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at('bare.key'), '-out', at('bare.pem'), ...names];
  const { code, output } = await run('openssl', made);
  if (code !== 0) throw new Error(`openssl failed: ${output}`);
  const files = ['agents-ca.pem', 'bare.pem', 'bare.key'].map(at);
  const child = new Child('bare gateway', process.execPath, [resolve('dist/bench/bare-gateway.js'), ...files], { log: at('bare-gateway.log') });
  const port = await until('the bare gateway listens', () => /^\d+$/m.exec(child.log)?.[0]);
  return { child, address: `127.0.0.1:${port}`, ca: readFileSync(at('bare.pem'), 'utf8') };
}

/** What a process has taken so far (proc(5)). */
export function usage(pid: number): { cpuSeconds: number; rssBytes: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
  return { cpuSeconds: (Number(stat[11]) + Number(stat[12])) / 100, rssBytes: rss * 1024 };
}
