import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { Secret, systemRandom } from '#libs/kernel';
import { Api, ok } from '../../lab/api.js';
import { type Outcome, run } from '../../lab/child.js';
import { freePort } from '../../lab/free-port.js';
import { until } from '../../lab/until.js';
import type { EdgeSiteDto } from '../../src/edge-sites/dto/edge-site.dto.js';
import { Config } from '../../src/platform/config/index.js';
import { type CiphertextColumn, KeyRing, Reencryption } from '../../src/platform/encryption/index.js';
import { type RunningService, start } from '../../src/start.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { sealFormat1, sealStreamFormat1 } from '../support/format-one.js';

const [k1, k2, k3] = ['k1', 'k2', 'k3'].map((id) => ({ id, key: new Secret(randomBytes(32)) })) as [Key, Key, Key];

interface Key {
  id: string;
  key: Secret<Buffer>;
}

const variable = (...keys: Key[]) => keys.map(({ id, key }) => `${id}:${key.reveal().toString('base64')}`).join(',');

describe('npm run keys:reencrypt', () => {
  let app: TestApp;
  let tenant: { id: string; slug: string; api: Api };
  const services: RunningService[] = [];

  /** Another process of the service, on the same database. */
  const serve = async (keys: Key[], roles: Config['roles']): Promise<RunningService> => {
    const port = await freePort();
    const own = { encryptionKeys: keys, roles, port, publicUrl: `http://127.0.0.1:${port}` };
    const service = await start({ ...app.service.app.get(Config), ...own });
    services.push(service);
    return service;
  };
  const end = async (service: RunningService) => {
    services.splice(services.indexOf(service), 1);
    await service.stop();
  };
  const reencrypt = (...keys: Key[]): Promise<Outcome> =>
    run(process.execPath, [resolve('dist/src/reencrypt.js')], {
      env: {
        NODE_ENV: 'test',
        DATA_DIR: app.service.app.get(Config).dataDir,
        DATABASE_URL: app.database.serviceUrl,
        DATABASE_OWNER_URL: app.database.ownerUrl,
        ENCRYPTION_KEYS: variable(...keys),
      },
    });
  const reencryption = (...keys: Key[]) => new Reencryption(app.database.database, new KeyRing(keys, systemRandom));
  const keysInUse = async () => {
    const here = reencryption(k1);
    const uses = (await Promise.all(here.columns().map((column) => here.uses(column)))).flat();
    return [...new Set(uses.map(({ keyId }) => keyId))].sort();
  };
  const formatsInUse = async () => {
    const here = reencryption(k1);
    const uses = (await Promise.all(here.columns().map((column) => here.uses(column)))).flat();
    return [...new Set(uses.map(({ format }) => format))].sort();
  };
  /** Seals everything as it was done before the tenant belonged to its place. @returns how many there are */
  const backToFormat1 = async (key: Key): Promise<number> => {
    const em = app.database.database.em('platform');
    const ring = new KeyRing([key], systemRandom);
    let count = 0;
    for (const { table, column, kind } of reencryption(key).columns()) {
      const tenants = await em.execute(`select from information_schema.columns where table_name = ? and column_name = 'tenant_id'`, [table]);
      const rows: { id: string; tenantId: string | null; sealed: string | Buffer }[] = await em.execute(
        `select id, ${tenants.length > 0 ? 'tenant_id' : 'null'} as "tenantId", ${column} as "sealed" from ${table} where ${column} is not null`,
      );
      for (const { id: rowId, tenantId, sealed } of rows) {
        // Those of CAs are bound to the whole name of their column.
        const place = { table, column: table.endsWith('_cas') ? column : column.replace('_ciphertext', ''), rowId, tenantId };
        const older =
          kind === 'text'
            ? sealFormat1(key, ring.open(sealed as string, place).reveal(), place)
            : sealStreamFormat1(key, Buffer.concat([...ring.openStream(sealed as Buffer, place)]), place);
        await em.execute(`update ${table} set ${column} = ? where id = ? returning id`, [older, rowId]);
        count++;
      }
    }
    return count;
  };
  const at = ({ url }: RunningService) => new Api(url, tenant.api.credentials);
  const createSite = async (api: Api, name: string) => {
    const { id } = await ok(api.post<EdgeSiteDto>('/admin/edge-sites', { name }));
    await until('the leaf is provisioned', async () => (await ok(api.get<EdgeSiteDto>(`/admin/edge-sites/${id}`))).leaf_server.status === 'provisioned');
    return id;
  };
  const createCollector = async (api: Api) => {
    const { id } = await ok(api.post<{ id: string }>('/admin/collectors', { collector_type: 'flowgger' }));
    await until('the package is ready', async () => (await ok(api.get<{ status: string }>(`/admin/collectors/${id}`))).status === 'ready');
    await ok(api.post(`/admin/collectors/${id}/download-tokens`));
  };

  beforeAll(async () => {
    app = await startTestApp({ ROLES: 'api', ENCRYPTION_KEYS: variable(k1) });
    tenant = await app.tenant('Acme');
    const worker = await serve([k1], ['worker']);
    for (const name of ['a"b', '$(touch x)', '`x` 🏭']) await createSite(tenant.api, name);
    await createCollector(tenant.api);
    await end(worker);
  });
  afterAll(async () => {
    for (const service of services) await service.stop();
    await app.close();
  });

  it('knows every column that holds what is sealed', async () => {
    const em = app.database.database.em('platform');
    const columns: { table: string; column: string; type: string }[] = await em.execute(
      `select table_name as "table", column_name as "column", data_type as "type" from information_schema.columns
        where table_schema = 'public' and data_type in ('text', 'character varying', 'bytea')`,
    );
    const kinds = columns.map(({ table, column, type }): CiphertextColumn => ({ table, column, kind: type === 'bytea' ? 'stream' : 'text' }));
    const known = reencryption(k1).columns();
    const named = kinds.filter(({ column }) => column.endsWith('_ciphertext'));
    expect(known).toEqual(expect.arrayContaining(named));
    expect(known).toHaveLength(named.length);

    for (const { table, column, kind } of kinds) {
      const start = kind === 'text' ? `left(${column}, 6)` : `encode(substring(${column} from 1 for 6), 'escape')`;
      const sealed: unknown[] = await em.execute(`select from ${table} where ${start} = 'v2:k1:'`);
      if (sealed.length > 0) expect(known).toContainEqual({ table, column, kind });
    }
  });

  it('says so when a key is missing, and changes nothing', async () => {
    const { code, output } = await reencrypt(k2);
    expect(code).toBe(1);
    expect(output).toContain('its key "k1" is not among ENCRYPTION_KEYS');
    expect(await keysInUse()).toEqual(['k1']);
  });

  it('leaves nothing under the old key while the service writes, which can then be removed', async () => {
    const service = await serve([k2, k1], ['api', 'worker']);
    const api = at(service);
    const [{ code, output }] = await Promise.all([reencrypt(k2, k1), ...['d', 'e', 'f'].map((name) => createSite(api, name))]);
    expect([code, output]).toEqual([0, expect.stringContaining('Everything is encrypted under "k2" and bound to its tenant.')]);
    expect(output).toMatch(/^nats_leaf_servers\.bundle_ciphertext: 3 re-encrypted under "k2"$/m);
    expect(await keysInUse()).toEqual(['k2']);
    await end(service);

    const newer = await serve([k2], ['api', 'worker']);
    const { data } = await ok(at(newer).get<{ data: EdgeSiteDto[] }>('/admin/edge-sites'));
    expect(data).toHaveLength(6);
    for (const { id } of data) expect((await at(newer).get(`/admin/edge-sites/${id}/bundle`)).status).toBe(200);
    await createSite(at(newer), 'g');
    await createCollector(at(newer));
    await end(newer);
  });

  it('goes on where it was broken off', async () => {
    const ofLeaves = reencryption(k3, k2).columns().find(({ table }) => table === 'nats_leaf_servers');
    await reencryption(k3, k2).run(ofLeaves!);
    expect(await keysInUse()).toEqual(['k2', 'k3']);
    expect((await reencrypt(k3, k2)).code).toBe(0);
    expect(await keysInUse()).toEqual(['k3']);
  });

  it('can be run when there is nothing to do', async () => {
    const { code, output } = await reencrypt(k3);
    expect([code, output]).toEqual([0, expect.not.stringContaining('re-encrypted under')]);
  });

  it('binds to its tenant what was not, under the same key, while the service uses it', async () => {
    const count = await backToFormat1(k3);
    expect(await formatsInUse()).toEqual(['v1']);
    const service = await serve([k3], ['api', 'worker']);
    const api = at(service);
    const { data } = await ok(api.get<{ data: EdgeSiteDto[] }>('/admin/edge-sites'));
    for (const { id } of data) expect((await api.get(`/admin/edge-sites/${id}/bundle`)).status).toBe(200);
    await createSite(api, 'h');
    expect(await formatsInUse()).toEqual(['v1', 'v2']);

    const { code, output } = await reencrypt(k3);
    expect([code, output]).toEqual([0, expect.stringContaining('Everything is encrypted under "k3" and bound to its tenant.')]);
    const replaced = [...output.matchAll(/: (\d+) re-encrypted/g)].reduce((sum, [, number]) => sum + Number(number), 0);
    // A sweep may write one anew.
    expect(replaced).toBeLessThanOrEqual(count);
    expect(await formatsInUse()).toEqual(['v2']);
    for (const { id } of data) expect((await api.get(`/admin/edge-sites/${id}/bundle`)).status).toBe(200);
    await end(service);
  });

  it('does not bind to a tenant what belongs to another', async () => {
    const { database } = app.database;
    const [{ id }] = await database.em('platform').execute<[{ id: string }]>('select id from tenant_cas');
    const other = { id: '0197a000-0000-7000-8000-000000000000', slug: 'globex', name: 'Globex' };
    const insert = 'insert into tenants select (jsonb_populate_record(tenants, ?::jsonb)).* from tenants where id = ? returning id';
    await database.em('platform').execute(insert, [JSON.stringify(other), tenant.id]);
    const moveTo = (tenantId: string) => database.em('platform').execute(`update tenant_cas set tenant_id = ? where id = ? returning id`, [tenantId, id]);
    await moveTo(other.id);
    const { code, output } = await reencrypt(k2, k3);
    expect([code, output]).toEqual([1, expect.stringContaining('the secret was changed or moved')]);
    await moveTo(tenant.id);
    expect((await reencrypt(k3, k2)).code).toBe(0);
  });

  it('replaces nothing that was written meanwhile', async () => {
    const { database } = app.database;
    const column = { table: 'tenant_cas', column: 'private_key_ciphertext', kind: 'text' as const };
    const stored = async (): Promise<{ id: string; sealed: string }> => {
      const rows: { id: string; sealed: string }[] = await database
        .em('platform')
        .execute(`select id, ${column.column} as "sealed" from ${column.table}`);
      return rows[0]!;
    };
    const { id, sealed } = await stored();
    const ring = new KeyRing([k3], systemRandom);
    const place = { ...column, rowId: id, tenantId: tenant.id };
    const newer = ring.seal(ring.open(sealed, place), place);
    const running = await database.transaction('platform', async (em) => {
      await em.execute(`update ${column.table} set ${column.column} = ? where id = ?`, [newer, id]);
      const replacing = reencryption(k1, k3).run(column);
      const waiting = 'select from pg_locks where not granted';
      await until('it waits for the row', async () => (await database.em('platform').execute(waiting)).length > 0);
      return { replacing };
    });
    expect(await running.replacing).toBe(0);
    expect((await stored()).sealed).toBe(newer);
  });
});
