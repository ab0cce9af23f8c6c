import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { EdgeSiteDto } from '../../src/edge-sites/dto/edge-site.dto.js';
import { Api, ok } from '../../lab/api.js';
import { Child } from '../../lab/child.js';
import { freePort } from '../../lab/free-port.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';
import { processesOf } from '../../lab/processes.js';
import { Tenant } from '../../lab/tenant.js';
import { temporaryDirectory } from '../../lab/temporary-directory.js';
import { until } from '../../lab/until.js';

describe('npm start', () => {
  const directory = temporaryDirectory();
  const dataDir = join(directory, 'data');
  const log = join(directory, 'log');
  let npm: Child | undefined;
  /** Of the API, and of the hub for clients and for leaves. */
  let ports: number[];
  let tenant: Tenant;

  /** As in a terminal: in a process group of its own, which Ctrl-C reaches as a whole. */
  const start = () => {
    const [api, client, leaf] = ports.map(String);
    const env = { PORT: api, GATEWAY_PORT: '0', HUB_CLIENT_PORT: client, HUB_LEAF_PORT: leaf, DATA_DIR: dataDir };
    npm = new Child('npm', 'npm', ['start'], { log, env, detached: true });
    return npm;
  };
  const startAndWait = async () => {
    const before = greetings();
    const started = start();
    await until('it is ready, or has ended', () => greetings() > before || !started.running, { timeout: 100_000 });
    if (greetings() === before) throw new Error(`npm start ended:\n${readFileSync(log, 'utf8')}`);
  };
  const greetings = () => (existsSync(log) ? readFileSync(log, 'utf8').split('serviceradar-edge is ready.').length : 1);
  const service = () => processesOf(dataDir).find(({ command }) => command.endsWith('dist/src/main.js'))!;

  beforeAll(async () => {
    ports = await Promise.all([freePort(), freePort(), freePort()]);
    await startAndWait();
    const admin = new Api(`http://127.0.0.1:${ports[0]}`, { key: readFileSync(join(dataDir, 'admin-key'), 'utf8').trim() });
    tenant = await Tenant.create(admin, 'Acme', { directory: join(directory, 'sites'), natsServer: NATS_SERVERS.latest });
  });

  afterAll(async () => {
    for (const { leaf } of tenant?.sites ?? []) await leaf.stop();
    if (npm?.running) process.kill(-npm.pid, 'SIGINT');
    await npm?.exited;
    for (const { pid } of processesOf(dataDir)) process.kill(pid, 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  it('says where API, documentation and admin key are', () => {
    const said = readFileSync(log, 'utf8');
    expect(said).toContain(`API            http://127.0.0.1:${ports[0]}/api\n`);
    expect(said).toContain(`Documentation  http://127.0.0.1:${ports[0]}/api/docs\n`);
    expect(said).toMatch(/Admin key {6}in \S+admin-key\n/);
  });

  describe('after a SIGKILL', () => {
    it('recovers by itself, and the leaves find it again', async () => {
      const site = await tenant.createSite('New York');
      await site.install();
      process.kill(service().pid, 'SIGKILL');
      await npm!.exited;
      expect(processesOf(dataDir)).not.toEqual([]);

      await startAndWait();
      const { data } = await ok(tenant.api.get<{ data: EdgeSiteDto[] }>('/admin/edge-sites'));
      expect(data.map(({ id }) => id)).toEqual([site.id]);
      await site.connected();
    });
  });

  describe('when Ctrl-C is pressed', () => {
    it('leaves no process behind', async () => {
      process.kill(-npm!.pid, 'SIGINT');
      await npm!.exited;
      expect(processesOf(dataDir)).toEqual([]);
      expect(existsSync(join(dataDir, 'postgres/data/postmaster.pid'))).toBe(false);
    });

    it.each([
      ['PostgreSQL runs', /bin\/postgres -D/],
      ['the hub runs', /nats-server -c/],
    ])('leaves none behind while it still starts, as soon as %s', async (moment, command) => {
      const { pid, exited } = start();
      await until(moment, () => processesOf(dataDir).some((found) => command.test(found.command)), { interval: 5 });
      process.kill(-pid, 'SIGINT');
      await exited;
      expect(processesOf(dataDir)).toEqual([]);
    });
  });
});
