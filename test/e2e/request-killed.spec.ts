import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type Answer, type Api, ok } from '../../lab/api.js';
import { Service } from '../../lab/service.js';
import { until } from '../../lab/until.js';
import type { ProblemDto } from '../../src/platform/problem/index.js';
import { startTestApp, type TestApp } from '../support/app.js';

const ENCRYPTION_KEYS = `k1:${randomBytes(32).toString('base64')}`;
/** Any number: statements stop at this lock for as long as the test holds it. */
const LOCK = 4_711;

describe('a call with an Idempotency-Key whose process is killed', () => {
  let app: TestApp;
  let api: Api;
  let database: Client;
  let directory: string;

  beforeAll(async () => {
    app = await startTestApp({ ENCRYPTION_KEYS, ROLES: 'api' });
    ({ api } = await app.tenant('Acme'));
    directory = mkdtempSync(join(tmpdir(), 'serviceradar-killed-'));
    database = new Client({ connectionString: app.database.ownerUrl });
    await database.connect();
    // The service gives up waiting for a lock after five seconds; here it has its limit for statements. PostgreSQL would finish a statement of
    // somebody who is gone.
    await database.query(`create function stop_here() returns trigger language plpgsql set lock_timeout = 0 as $$
                            begin perform pg_advisory_xact_lock(${LOCK}); raise exception 'killed'; end $$`);
  });
  afterAll(async () => {
    await database.end();
    await app.close();
    rmSync(directory, { recursive: true });
  });

  const create = (at: Api, key: string, body: object) => at.call<{ id: string } & ProblemDto>('POST', '/admin/edge-sites', { body, headers: { 'idempotency-key': key } });
  const sites = async () => (await ok(api.get<{ data: { id: string; name: string }[] }>('/admin/edge-sites'))).data;
  const refusal = ({ status, body }: Answer<ProblemDto>) => [status, body.code];

  /**
   * Kills a process of its own while it stands at a statement of the call.
   * @param statement which it is, as a trigger names it
   */
  async function killDuring(key: string, body: object, statement: string): Promise<void> {
    const env = { NODE_ENV: 'test', ROLES: 'api', ENCRYPTION_KEYS, NATS_URL: 'nats://127.0.0.1:1', NATS_LEAF_UPSTREAM_URL: 'tls://hub.example.com:7422' };
    const { serviceUrl, ownerUrl, jobsUrl } = app.database;
    const urls = { DATABASE_URL: serviceUrl, DATABASE_OWNER_URL: ownerUrl, QUEUE_URL: jobsUrl };
    const service = new Service({ dataDir: directory, log: join(directory, 'service.log'), env: { ...env, ...urls } });
    await service.ready();
    await database.query(`create trigger stop_here ${statement} execute function stop_here()`);
    await database.query(`select pg_advisory_lock(${LOCK})`);
    try {
      const cutOff = create(service.api.as(api.credentials), key, body).then(() => 'answered', () => 'cut off');
      await until('the statement stands', async () => (await held('and not granted')) === 1);
      await service.kill();
      expect(await cutOff).toBe('cut off');
    } finally {
      await database.query(`select pg_advisory_unlock(${LOCK})`);
    }
    await until('its transaction is over', async () => (await held()) === 0);
    const [, table] = / on (\w+)/.exec(statement)!;
    await database.query(`drop trigger stop_here on ${table}`);
  }
  const held = async (which = '') => (await database.query(`select from pg_locks where locktype = 'advisory' and objid = ${LOCK} ${which}`)).rowCount;
  const lapse = (key: string) =>
    app.database.database.em('platform').execute(`update idempotency_keys set claimed_until = now() - interval '1 second' where key = ?`, [key]);

  it('before the site is there makes none; when it is repeated a minute later, it makes one', async () => {
    const body = { name: 'Killed early' };
    await killDuring('early', body, 'before insert on edge_sites for each row');
    expect(await sites()).toEqual([]);
    expect(refusal(await create(api, 'early', body))).toEqual([409, 'request_in_progress']);
    await lapse('early');
    const answer = await create(api, 'early', body);
    expect([answer.status, (await sites()).map(({ id }) => id)]).toEqual([201, [answer.body.id]]);
  });

  it('when the site is there and the answer is not kept yet makes it once, and says which it was', async () => {
    const body = { name: 'Killed late' };
    await killDuring('late', body, 'before update on idempotency_keys for each row when (new.answer_ciphertext is not null)');
    await lapse('late');
    const made = (await sites()).filter(({ name }) => name === body.name);
    expect(made.length).toBe(1);
    const answer = await create(api, 'late', body);
    expect(refusal(answer)).toEqual([409, 'answer_lost']);
    expect(answer.body.detail).toContain(made[0]!.id);
    expect((await sites()).length).toBe(2);
  });
});
