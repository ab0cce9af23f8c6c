import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ok } from '../../lab/api.js';
import type { Deployment } from '../../lab/deployment.js';
import { freePort } from '../../lab/free-port.js';
import { Postgres } from '../../lab/postgres.js';
import { processesOf } from '../../lab/processes.js';
import type { Service } from '../../lab/service.js';
import { temporaryDirectory } from '../../lab/temporary-directory.js';
import type { Tenant } from '../../lab/tenant.js';
import { until } from '../../lab/until.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/platform/embedded/index.js';
import { Canaries, type Searched } from '../support/canaries.js';
import { CanaryChannels } from '../support/canary-channels.js';
import { startOtlpReceiver } from '../support/otlp-receiver.js';
import { filesIn, processesIn, rowsOf } from '../support/places.js';
import { RecordedApi } from '../support/recorded-api.js';
import { withDeployment } from './laboratory.js';

/** 32 random bytes, as each of our own secrets is. */
const secret = () => randomBytes(32).toString('base64url');
const apiKey = () => `sr_${randomBytes(8).toString('hex')}_${secret()}`;

const canaries = new Canaries();
const ENCRYPTION_KEY = randomBytes(32);
const BOOTSTRAP_ADMIN_KEY = apiKey();
const METRICS_PORT = await freePort();
const collector = await startOtlpReceiver();
const OTLP_HEADER = secret();
const channels = await CanaryChannels.start(canaries);

const rootDirectory = temporaryDirectory();
const databaseDirectory = temporaryDirectory();
const env: NodeJS.ProcessEnv = {
  LOG_LEVEL: 'trace',
  METRICS_PORT: String(METRICS_PORT),
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${OTLP_HEADER}`,
  ENCRYPTION_KEYS: `k1:${ENCRYPTION_KEY.toString('base64')}`,
  BOOTSTRAP_ADMIN_KEY,
  ROOT_CA_CERT_FILE: join(rootDirectory, 'root.pem'),
  ROOT_CA_KEY_FILE: join(rootDirectory, 'root-key.pem'),
  NATS_PUBLIC_URL: 'tls://127.0.0.1:7422',
  GATEWAY_ADDRESS: 'gateway.example.com:50052',
  ...channels.env,
};

let postgres: EmbeddedPostgres;
const startPostgres = () => startEmbeddedPostgres({ dataDir: databaseDirectory, log: () => {} });

beforeAll(async () => {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const [cert, key] = [env.ROOT_CA_CERT_FILE!, env.ROOT_CA_KEY_FILE!];
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key);
  openssl('req', '-x509', '-new', '-key', key, '-days', '7300', '-subj', '/CN=Root', '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-out', cert);
  chmodSync(key, 0o600);
  canaries.plant('the key of the root', readFileSync(key, 'utf8').split('\n')[2]!);
  canaries.plant('the encryption key', ENCRYPTION_KEY.toString('base64'));
  canaries.plant('the encryption key in hex', ENCRYPTION_KEY.toString('hex'));
  canaries.plant('what lets in at the collector', OTLP_HEADER);
  canaries.plant('the bootstrap key', BOOTSTRAP_ADMIN_KEY.slice('sr_0123456789abcdef_'.length));

  postgres = await startPostgres();
  const urls = { DATABASE_URL: postgres.serviceUrl, DATABASE_OWNER_URL: postgres.ownerUrl, QUEUE_URL: postgres.jobsUrl };
  for (const [name, url] of Object.entries(urls)) canaries.plant(`the password in ${name}`, new URL(url).password);
  Object.assign(env, urls);
});

interface World {
  worker: Service;
  admin: RecordedApi;
  tenant: Tenant;
}

const lab = withDeployment<World>(
  async (deployment) => {
    const worker = await deployment.startAnother('worker', { ROLES: 'worker', METRICS_PORT: '' });
    const admin = new RecordedApi(deployment.service.api.url, { key: BOOTSTRAP_ADMIN_KEY }, canaries);
    const tenant = await deployment.tenant('Acme', admin);
    return { worker, admin, tenant };
  },
  { hub: 'local', env },
);

afterAll(
  lab(async ({ arranged: { worker } }) => {
    await worker.stop();
    await postgres.stop();
    await collector.close();
    await channels.close();
    for (const directory of [databaseDirectory, rootDirectory]) rmSync(directory, { recursive: true });
  }),
);

/** What was there for a while only. */
const meanwhile: Searched[] = [];

async function databaseRows(): Promise<Searched[]> {
  const superuser = await new Postgres(databaseDirectory).connect();
  return rowsOf(superuser).finally(() => superuser.end());
}

/** All places where somebody may look who is not meant to have the secrets. */
async function everywhere({ deployment, arranged: { admin, worker } }: { deployment: Deployment; arranged: World }): Promise<Searched[]> {
  const metrics = await (await fetch(`http://127.0.0.1:${METRICS_PORT}/metrics`)).text();
  const trusted = [deployment.service.process.pid, worker.process.pid, process.pid];
  return [
    { where: 'log of the service', text: deployment.service.process.log },
    { where: 'log of the worker', text: worker.process.log },
    { where: 'metrics', text: metrics },
    { where: 'spans', text: collector.requests.map(({ body }) => body).join('\n') },
    ...admin.refusals,
    ...(await databaseRows()),
    ...meanwhile,
    ...processesIn(deployment.directory, trusted),
    ...processesIn(databaseDirectory, trusted),
    ...filesIn(deployment.dataDir),
    ...filesIn(databaseDirectory),
  ];
}

/** Lets statements fail in PostgreSQL, with what they were about in the error. */
async function failing(trigger: string, work: () => Promise<unknown>): Promise<void> {
  const superuser = await new Postgres(databaseDirectory).connect();
  try {
    await superuser.query(`create function inject() returns trigger language plpgsql as $$ begin raise exception 'injected: %', row_to_json(new); end $$`);
    await superuser.query(`create ${trigger} execute function inject()`);
    await work();
  } finally {
    await superuser.query('drop function inject cascade');
    await superuser.end();
  }
}

describe('secrets that come in or are made', () => {
  it('are used, each of them', lab(async ({ arranged: { admin, tenant } }) => {
    canaries.plant('the key of the tenant', tenant.api.credentials.key!);
    const site = await tenant.createSite('Hamburg');
    await site.install();
    await ok(tenant.api.get(`/admin/edge-sites/${site.id}/bundle`));
    const collector = await tenant.createCollector('flowgger', site);
    await collector.provisioned();
    const { token } = await ok(tenant.api.post<{ token: string }>(`/admin/collectors/${collector.id}/download-tokens`));
    await ok(admin.as({}).call('POST', `/collectors/${collector.id}/bundle`, { headers: { 'x-serviceradar-download-token': token } }));
    const agent = { label: 'Agent', component_type: 'agent', component_id: 'agent-1', edge_site_id: site.id };
    const { id } = await ok(tenant.api.post<{ id: string }>('/admin/edge-packages', agent));
    const agentToken = await ok(tenant.api.post<{ token: string }>(`/admin/edge-packages/${id}/download-tokens`));
    await ok(admin.as({}).call('POST', `/edge-packages/${id}/bundle`, { headers: { 'x-serviceradar-download-token': agentToken.token } }));
    await tenant.credentials({ publish: ['logs.syslog'] });
    meanwhile.push(...(await channels.use(tenant.api)));

    await site.regenerate();
    await site.install();
    await ok(tenant.api.post('/admin/nats/signing-keys/rotate'));
    await ok(tenant.api.post('/admin/pki/authorities'));
    await ok(admin.post('/admin/nats/operator/signing-keys'));
    await ok(tenant.api.post(`/admin/collectors/${collector.id}/renew`));
    await collector.provisioned();
  }));

  it('are put where they do not belong', lab(async ({ arranged: { admin, tenant } }) => {
    const stray = () => canaries.plant('a stray key', apiKey());
    const unknown = () => canaries.plant('a secret that does not look like one', secret());
    const creds = `-----BEGIN PRIVATE KEY-----\n${canaries.plant('a pasted key', secret())}\n-----END PRIVATE KEY-----`;
    const { api } = tenant;
    const [site] = tenant.sites;
    const calls: [method: string, path: string, options?: { body?: unknown; headers?: Record<string, string> }, as?: RecordedApi][] = [
      ['GET', `/admin/edge-sites?key=${stray()}&token=${unknown()}&limit=${unknown()}`],
      ['GET', `/admin/edge-sites/${stray()}`],
      ['GET', `/nothing/${stray()}`],
      ['GET', `/me`, { headers: { authorization: `Basic ${unknown()}` } }, admin.as({})],
      ['GET', `/me`, { headers: { authorization: `Bearer ${unknown()}` } }, admin.as({})],
      ['GET', `/me`, { headers: { authorization: `Bearer ${stray()}` } }, admin.as({})],
      ['GET', `/me`, { headers: { 'x-api-key': stray(), cookie: `session=${unknown()}` } }, admin.as({})],
      ['GET', `/me`, { headers: { 'x-tenant': stray() } }, admin],
      ['GET', `/me`, { headers: { 'x-request-id': stray() } }, admin],
      ['POST', '/admin/edge-sites', { body: { name: { key: stray() } } }],
      ['POST', '/admin/edge-sites', { body: { name: [creds] } }],
      ['POST', '/admin/edge-sites', { body: { name: 'x', slug: stray() } }],
      ['POST', '/admin/edge-sites', { body: { name: 'x', nats_leaf_url: `tls://user:${unknown()}@host:4222` } }],
      ['POST', '/admin/edge-sites', { body: { name: 'x', local_listen: stray() } }],
      ['POST', '/admin/edge-sites', { body: { name: 'x', password: unknown() } }],
      ['POST', '/admin/edge-sites', { body: { name: 'x', [stray()]: 1 } }],
      ['POST', '/admin/edge-sites', { body: unknown() }],
      ['POST', '/admin/edge-sites', { body: { name: `${stray()}\n` } }],
      ['POST', '/admin/collectors', { body: { collector_type: stray() } }],
      ['POST', '/admin/collectors', { body: { collector_type: 'flowgger', edge_site_id: stray() } }],
      ['POST', '/admin/collectors', { body: { collector_type: 'flowgger', hostname: stray() } }],
      ['POST', '/admin/collectors', { body: { collector_type: 'flowgger', config_overrides: { [stray()]: unknown() } } }],
      ['POST', '/admin/api-keys', { body: { name: 'x', role: stray() } }],
      ['POST', '/admin/nats/credentials', { body: { name: 'x', publish: [`${stray()} x`], expires_in: 60 } }],
      ['POST', '/admin/alert-channels', { body: { name: 'x', kind: 'webhook', url: `https://user:${unknown()}@alerts.example.com/`, secret: unknown() } }],
      ['POST', '/admin/alert-channels', { body: { name: 'x', kind: 'webhook', url: `file:///${unknown()}`, secret: unknown() } }],
      ['POST', '/admin/alert-channels', { body: { name: 'x', kind: 'slack', url: `https://alerts.example.com/ ${unknown()}`, secret: unknown() } }],
      ['POST', '/admin/alert-channels', { body: { name: 'x', kind: 'email', recipients: [stray()], url: `https://alerts.example.com/${unknown()}` } }],
      ['PATCH', `/admin/edge-sites/${site!.id}`, { body: { buffer: stray() } }],
      ['POST', `/edge-sites/${site!.id}/bundle`, { headers: { 'x-serviceradar-download-token': unknown() } }, admin.as({})],
      ['POST', `/collectors/${site!.id}/bundle`, { headers: { 'x-serviceradar-download-token': `collectorpkg-v2:${unknown()}.${unknown()}` } }, admin.as({})],
    ];
    const taken: string[] = [];
    for (const [method, path, options, as] of calls) {
      const { status } = await (as ?? (api as RecordedApi)).call(method, path, options);
      if (status < 400 && path !== '/me') taken.push(`${method} ${path} ${JSON.stringify(options)}`);
    }
    expect(taken).toEqual([]);
    // A body that is no JSON.
    const broken = await fetch(`${admin.url}/api/admin/edge-sites`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.credentials.key}`, 'content-type': 'application/json' },
      body: `{"name": "${stray()}`,
    });
    admin.refusals.push({ where: 'the answer to a body that is no JSON', text: await broken.text() });
  }));

  it('are in use when something fails', lab(async ({ deployment, arranged: { admin, tenant } }) => {
    const { api } = tenant;
    const [site] = tenant.sites;
    await failing('trigger t before insert on api_keys for each row', async () => {
      expect((await api.post('/admin/api-keys', { name: 'x', role: 'viewer' })).status).toBe(500);
    });
    await failing('trigger t before insert on alert_channels for each row', async () => {
      const [url, key] = ['the URL of a channel', 'the key of a channel'].map((what) => canaries.plant(what, `https://alerts.example.com/${secret()}`));
      expect((await api.post('/admin/alert-channels', { name: 'x', kind: 'webhook', url, secret: key })).status).toBe(500);
    });
    await failing('trigger t before insert on onboarding_packages for each row', async () => {
      const agent = { label: 'Agent', component_type: 'agent', component_id: 'agent-2', edge_site_id: site!.id };
      expect((await api.post('/admin/edge-packages', agent)).status).toBe(500);
    });
    await failing('trigger t before insert on download_tokens for each row', async () => {
      expect((await api.post(`/admin/edge-sites/${site!.id}/download-tokens`)).status).toBe(500);
    });
    await failing('trigger t before update on collector_packages for each row when (new.cert_pem is not null)', async () => {
      const { id } = await tenant.createCollector('trapd', site);
      await until('the job has failed, and waits for its next attempt', async () => {
        const rows = await databaseRows();
        const isKept = rows.some(({ where, text }) => where.startsWith('table bullmq') && text.includes(id) && text.includes('injected'));
        if (isKept) meanwhile.push(...rows);
        return isKept;
      });
    });

    // It may be starting again, as the operator has other keys since the test before.
    const hub = await until('the hub runs', () => processesOf(deployment.dataDir).find(({ command }) => command.includes('nats-server')));
    process.kill(hub.pid, 'SIGKILL');
    await api.post('/admin/nats/credentials', { name: 'x', publish: ['logs.syslog'], expires_in: 60 });
    await until('the hub is back', async () => (await site!.leaf.links()) === 1);

    process.kill(new Postgres(databaseDirectory).pid, 'SIGKILL');
    await until('the service has noticed', async () => (await admin.get('/health/ready')).status === 503);
    for (const path of ['/me', '/admin/edge-sites', `/admin/edge-sites/${site!.id}/bundle`]) expect((await api.get(path)).status).toBe(503);
    await postgres.stop();
    postgres = await startPostgres();
    await until('the service is ready again', async () => (await admin.get('/health/ready')).status === 200);
  }));

  it('are found nowhere after all that', lab(async (world) => {
    const places = await everywhere(world);
    expect(places.filter(({ text }) => text !== '').map(({ where }) => where)).toEqual(
      expect.arrayContaining(['log of the service', 'log of the worker', 'metrics', 'spans', 'table public.audit_events', expect.stringMatching(/^table bullmq\./), expect.stringMatching(/environment of .*nats-server/)]),
    );
    expect([...new Set(canaries.leaks(places))]).toEqual([]);
  }));

  it('would be found in each of these places', lab(async (world) => {
    const { deployment, arranged: { admin, tenant } } = world;
    const decoy = canaries.plant('the decoy', randomBytes(20).toString('hex'));
    await tenant.createSite(decoy);
    await (tenant.api as RecordedApi).get(`/nothing/${decoy}`);
    expect((await admin.post('/admin/tenants', { name: 'x', slug: `t${decoy}` })).status).toBe(201);
    expect((await admin.post('/admin/tenants', { name: 'x', slug: `t${decoy}` })).status).toBe(409);
    const directory = join(deployment.dataDir, 'decoy');
    mkdirSync(directory);
    writeFileSync(join(directory, 'open'), Buffer.from(decoy).toString('base64'), { mode: 0o644 });
    writeFileSync(join(directory, 'closed'), decoy, { mode: 0o600 });
    const child = spawn('sleep', ['600'], { cwd: directory, env: { DECOY: decoy }, argv0: `sleep-${decoy}` });
    try {
      const found = canaries.leaks(await everywhere(world)).filter((leak) => leak.includes('decoy'));
      for (const where of [
        /^log of the service holds/,
        /^the answer 409 to POST \/admin\/tenants holds/,
        /^table public\.edge_sites holds/,
        /^table public\.audit_events holds/,
        /^command line of sleep-/,
        /^environment of sleep-/,
        /^file decoy\/open \(644\) holds the decoy \(in base64/,
      ]) {
        expect(found).toContainEqual(expect.stringMatching(where));
      }
      expect(found.join()).not.toContain('decoy/closed');
    } finally {
      child.kill();
    }
  }));
});
