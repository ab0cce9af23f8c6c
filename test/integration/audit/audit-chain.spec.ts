import { resolve } from 'node:path';
import { Client } from 'pg';
import { type Api, ok } from '../../../lab/api.js';
import { run } from '../../../lab/child.js';
import { until } from '../../../lab/until.js';
import type { AuditEventDto } from '../../../src/audit-events/dto/audit-event.dto.js';
import { anchorsIn, AuditVerification } from '../../../src/platform/audit/index.js';
import { Config } from '../../../src/platform/config/index.js';
import { PLATFORM } from '../../../src/platform/database/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';

const NAMES = ['one', 'a"b', '$(touch x)', `'; rm -rf /`, '`x` %n', '🏭', 'seven', 'eight'];

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
let globex: { id: string; slug: string; api: Api };
let owner: Client;

const eventsOf = async (api: Api) => (await ok(api.get<{ data: AuditEventDto[] }>('/admin/audit-events?limit=200'))).data;

/** All rows of a tenant, oldest first, once they are sealed. */
const sealed = ({ api }: { api: Api }) =>
  until('every row is sealed', async () => {
    const events = await eventsOf(api);
    return events.every(({ sequence }) => sequence !== null) && events.sort((a, b) => a.sequence! - b.sequence!);
  });

const verify = (anchors: string[] = []) => new AuditVerification(app.database.database).run(anchorsIn(anchors.join(' ')));

/** What is wrong, chain by chain. */
const faults = async (anchors: string[] = []) =>
  Object.fromEntries((await verify(anchors)).chains.flatMap(({ slug, faults }) => (faults.length > 0 ? [[slug ?? 'platform', faults.map(({ problem }) => problem)]] : [])));

const anchorOf = ({ id }: { id: string }, { sequence, hash }: AuditEventDto) => `audit:${id}:${sequence}:${hash}`;

/** The columns of a seal that are given. */
const SEAL = 'tenant_id, sequence, sealed_at, event_ids, row_hashes, last_at, hash';

/** Of whoever seals: while a transaction has it, nobody else does. */
const SEALING_LOCK = 'select pg_advisory_xact_lock(7202611250);';

/** Does something to the database as its owner, whom nothing keeps from it, looks, and undoes it. */
async function tampering(statements: string[], look: () => Promise<void>): Promise<void> {
  const tables = ['audit_events', 'audit_seals', 'audit_unsealed'];
  await owner.query([SEALING_LOCK, ...tables.map((table) => `alter table ${table} no force row level security; create table kept_${table} as table ${table};`)].join('\n'));
  try {
    for (const statement of statements) await owner.query(statement);
    await look();
  } finally {
    await owner.query(`
      ${SEALING_LOCK}
      alter table audit_events disable trigger audit_event_written;
      delete from audit_seals; delete from audit_events; delete from audit_unsealed;
      insert into audit_events select * from kept_audit_events;
      insert into audit_unsealed select * from kept_audit_unsealed;
      insert into audit_seals (${SEAL}) select ${SEAL} from kept_audit_seals;
      alter table audit_events enable trigger audit_event_written;
      ${tables.map((table) => `drop table kept_${table}; alter table ${table} force row level security;`).join('\n')}`);
  }
}

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api,worker' });
  owner = new Client({ connectionString: app.database.ownerUrl });
  await owner.connect();
  // It is to see whom it tampers with.
  await owner.query('alter table tenants no force row level security');
  [acme, globex] = [await app.tenant('Acme'), await app.tenant('Globex')];
  for (const [at, name] of NAMES.entries()) {
    for (const { api } of [acme, globex]) await ok(api.post('/admin/edge-sites', { name: `${name} ${at}` }));
    // So that there are several seals, and seals of several rows.
    if (at % 2 === 1) await app.database.database.statement(PLATFORM, 'select seal_audit_events(1000)', []);
  }
  await until('every leaf is provisioned', async () => {
    const { data } = await ok(acme.api.get<{ data: { leaf_server: { status: string } }[] }>('/admin/edge-sites'));
    return data.every(({ leaf_server }) => leaf_server.status === 'provisioned');
  });
  await until('every leaf is provisioned', async () => {
    const { data } = await ok(globex.api.get<{ data: { leaf_server: { status: string } }[] }>('/admin/edge-sites'));
    return data.every(({ leaf_server }) => leaf_server.status === 'provisioned');
  });
});
afterAll(async () => {
  await owner.end();
  await app.close();
});

describe('the audit trail', () => {
  it('is sealed, many rows at a time, in one chain for each tenant', async () => {
    for (const tenant of [acme, globex]) {
      const events = await sealed(tenant);
      const seals = new Set(events.map(({ sequence, hash }) => `${sequence}:${hash}`));
      expect([...new Set(events.map(({ sequence }) => sequence))]).toEqual(Array.from(seals, (_, at) => at + 1));
      expect(seals.size).toBeGreaterThan(3);
      expect(seals.size).toBeLessThan(events.length);
    }
  });

  it('has each row in one seal only, in the seal that the API names', async () => {
    for (const { id, api } of [acme, globex]) {
      await sealed({ api });
      const { rows } = await owner.query<{ id: string; sequence: number }>('select unnest(event_ids) as id, sequence::integer from audit_seals where chain = $1', [id]);
      const named = (await eventsOf(api)).map(({ id, sequence }) => ({ id, sequence }));
      const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
      expect(named.sort(byId)).toEqual(rows.sort(byId));
    }
  });

  it('holds, with every hash that was seen of it', async () => {
    const events = await sealed(acme);
    const { chains, waiting } = await verify(events.map((event) => anchorOf(acme, event)));
    expect(chains.flatMap(({ faults }) => faults)).toEqual([]);
    expect(chains.map(({ slug }) => slug).sort()).toEqual(['acme', 'globex', null]);
    expect(chains.find(({ slug }) => slug === 'acme')!.head).toEqual({ chain: acme.id, sequence: events.at(-1)!.sequence, hash: events.at(-1)!.hash });
    expect(waiting).toBe(0);
  });

  it('cannot be written to by the service but with new rows', async () => {
    const statements = [
      `update audit_events set actor = 'x'`,
      'delete from audit_events',
      'truncate audit_events',
      ...['audit_seals', 'audit_unsealed'].flatMap((table) => [`update ${table} set tenant_id = null`, `delete from ${table}`, `truncate ${table}`]),
      `insert into audit_unsealed values (gen_random_uuid(), null, now(), '\\x00')`,
      `insert into audit_seals (${SEAL}) values (null, 1000, now(), array[gen_random_uuid()], array['\\x00'::bytea], now(), '\\x00')`,
      'alter table audit_events disable trigger audit_event_written',
    ];
    for (const scope of ['platform', { tenantId: acme.id }] as const) {
      for (const statement of statements) await expect(app.database.database.statement(scope, statement, [])).rejects.toThrow(/permission denied|must be owner/);
    }
    await expect(app.database.database.statement({ tenantId: acme.id }, 'select seal_audit_events(1)', [])).rejects.toThrow('permission denied');
  });
});

describe('audit:verify finds', () => {
  const third = `(select event_ids[1] from audit_seals where chain = (select id from tenants where slug = 'acme') and sequence = 3)`;
  const ofAcme = `chain = (select id from tenants where slug = 'acme')`;
  const ofSeveralRows = `${ofAcme} and sequence = (select min(sequence) from audit_seals where ${ofAcme} and cardinality(event_ids) > 1)`;

  it.each(['actor', 'action', 'subject_type', 'request_id', 'source_address'])('a row whose %s was changed', (column) =>
    tampering([`update audit_events set ${column} = 'x' where id = ${third}`], async () => {
      expect(await faults()).toEqual({ acme: [expect.stringMatching(/^the row .* was changed$/)] });
    }),
  );

  it.each([
    [`at = at + interval '1 microsecond'`],
    [`outcome = 'refused'`],
    [`detail = detail || '{"x": 1}'`],
    [`subject_id = null`],
    [`tenant_id = (select id from tenants where slug = 'globex')`],
  ])('a row of which %s', (change) =>
    tampering([`update audit_events set ${change} where id = ${third}`], async () => {
      expect(await faults()).toEqual({ acme: [expect.stringMatching(/^the row .* was changed$/)] });
    }),
  );

  it('a row that was removed', () =>
    tampering([`delete from audit_events where id = ${third}`], async () => {
      expect(await faults()).toEqual({ acme: [expect.stringMatching(/^the row .* was removed$/)] });
    }),
  );

  it('a row that was taken out of its seal, too', () =>
    tampering(
      [
        `delete from audit_events where id = (select event_ids[1] from audit_seals where ${ofSeveralRows})`,
        `update audit_seals set event_ids = event_ids[2:], row_hashes = row_hashes[2:] where ${ofSeveralRows}`,
      ],
      async () => expect(await faults()).toEqual({ acme: [expect.stringMatching(/^the seal does not follow from the one before/)] }),
    ),
  );

  it('rows that changed places in their seal', () =>
    tampering(
      [
        `update audit_seals set event_ids = event_ids[2:2] || event_ids[1:1] || event_ids[3:], row_hashes = row_hashes[2:2] || row_hashes[1:1] || row_hashes[3:]
          where ${ofSeveralRows}`,
      ],
      async () => expect(await faults()).toEqual({ acme: [expect.stringMatching(/^the seal does not follow from the one before/)] }),
    ),
  );

  it('rows that were removed with their seal', () =>
    tampering([`delete from audit_events where id in (select unnest(event_ids) from audit_seals where ${ofAcme} and sequence = 3)`, `delete from audit_seals where ${ofAcme} and sequence = 3`], async () => {
      expect(await faults()).toEqual({ acme: [expect.stringMatching(/^1 seals are missing before 4/)] });
    }),
  );

  it('rows that were removed with their seal when those behind moved up', () =>
    tampering(
      [
        `delete from audit_events where id in (select unnest(event_ids) from audit_seals where ${ofAcme} and sequence = 3)`,
        `delete from audit_seals where ${ofAcme} and sequence = 3`,
        `update audit_seals set sequence = -sequence + 100000 where ${ofAcme} and sequence > 3`,
        `update audit_seals set sequence = 100000 - sequence - 1 where ${ofAcme} and sequence > 50000`,
      ],
      async () => expect((await faults()).acme).toContainEqual(expect.stringMatching(/^the seal does not follow from the one before/)),
    ),
  );

  it('seals that changed places', () =>
    tampering(
      [
        `update audit_seals set sequence = 100000 where ${ofAcme} and sequence = 3`,
        `update audit_seals set sequence = 3 where ${ofAcme} and sequence = 4`,
        `update audit_seals set sequence = 4 where ${ofAcme} and sequence = 100000`,
      ],
      async () => expect((await faults()).acme).toHaveLength(3),
    ),
  );

  it('a row that was inserted past the trail', () =>
    tampering(
      [
        'alter table audit_events disable trigger audit_event_written',
        `insert into audit_events select gen_random_uuid(), tenant_id, at, 'api_key:x', action, subject_type, subject_id, request_id, source_address, detail, outcome
           from audit_events where id = ${third}`,
        'alter table audit_events enable trigger audit_event_written',
      ],
      async () => expect(await faults()).toEqual({ acme: [expect.stringMatching(/has no seal and waits for none/)] }),
    ),
  );

  it('a row that was inserted between others, with a seal', () =>
    tampering(
      [
        'alter table audit_events disable trigger audit_event_written',
        `update audit_seals set sequence = sequence + 100000 where ${ofAcme} and sequence > 2`,
        `update audit_seals set sequence = sequence - 99999 where ${ofAcme} and sequence > 100000`,
        `with forged as (
           insert into audit_events select gen_random_uuid(), tenant_id, at, 'api_key:x', action, subject_type, subject_id, request_id, source_address, detail, outcome
             from audit_events where id = (select event_ids[1] from audit_seals where ${ofAcme} and sequence = 2) returning id, tenant_id, at)
         insert into audit_seals (${SEAL}) select tenant_id, 3, now(), array[id], array[sha256('x')], at, sha256('y') from forged`,
        'alter table audit_events enable trigger audit_event_written',
      ],
      async () => expect((await faults()).acme).toEqual(expect.arrayContaining([expect.stringMatching(/does not follow/), expect.stringMatching(/was changed/)])),
    ),
  );

  it('an end that was cut off, by an anchor', async () => {
    const events = await sealed(acme);
    const cut = [`delete from audit_events where id in (select unnest(event_ids) from audit_seals where ${ofAcme} and sequence > 3)`, `delete from audit_seals where ${ofAcme} and sequence > 3`];
    await tampering(cut, async () => {
      expect(await faults()).toEqual({});
      expect(await faults([anchorOf(acme, events.at(-1)!)])).toEqual({ acme: [expect.stringMatching(/^the chain ends at 3, and there is an anchor at \d+: its end was cut off$/)] });
    });
  });

  it('a chain that is gone, by an anchor', async () => {
    const events = await sealed(acme);
    const gone = [`delete from audit_events where tenant_id = (select id from tenants where slug = 'acme')`, `delete from audit_seals where ${ofAcme}`];
    await tampering(gone, async () => expect(Object.keys(await faults([anchorOf(acme, events[0]!)]))).toEqual(['acme']));
  });

  it('a chain that was written anew in the database’s own way, by an anchor', async () => {
    const events = await sealed(acme);
    const anew = [
      `update audit_events set actor = 'api_key:somebody-else' where id = ${third}`,
      'create table anew as select e.* from audit_events e where exists (select from audit_seals s where e.id = any (s.event_ids))',
      'delete from audit_seals; delete from audit_events; insert into audit_events select * from anew; drop table anew',
      'select seal_audit_events(100000)',
    ];
    await tampering(anew, async () => {
      await until('all is sealed again', async () => (await verify()).waiting === 0);
      expect(await faults()).toEqual({});
      expect((await faults([anchorOf(acme, events[0]!)])).acme).toEqual([expect.stringMatching(/written anew/)]);
    });
  });

  it('a row that was changed, or removed, before it was sealed', () =>
    tampering(
      [
        // As if no worker were there: a row is written, and changed, before its seal.
        'begin',
        `insert into audit_events select gen_random_uuid(), tenant_id, at, actor, action, subject_type, subject_id, request_id, source_address, detail, outcome
           from audit_events where id = ${third}`,
        `update audit_events set actor = 'x' where id in (select event_id from audit_unsealed)`,
        'commit',
      ],
      async () => {
        const found = await until('it is found', async () => (await faults()).acme);
        expect(found).toEqual([expect.stringMatching(/^the row .* was changed( before it was sealed)?$/)]);
      },
    ),
  );
});

describe('npm run audit:verify', () => {
  const command = (...args: string[]) =>
    run(process.execPath, [resolve('dist/src/audit-verify.js'), ...args], {
      env: {
        NODE_ENV: 'test',
        DATA_DIR: app.service.app.get(Config).dataDir,
        DATABASE_URL: app.database.serviceUrl,
        DATABASE_OWNER_URL: app.database.ownerUrl,
      },
    });

  it('prints anchors that it takes later on', async () => {
    await sealed(acme);
    const { code, output } = await command();
    expect([code, output]).toEqual([0, expect.stringMatching(/^The audit trail holds\.$/m)]);
    const printed = anchorsIn(output);
    expect(printed.map(({ chain }) => chain)).toEqual(expect.arrayContaining([acme.id, globex.id, '00000000-0000-0000-0000-000000000000']));
    await ok(acme.api.post('/admin/edge-sites', { name: 'later' }));
    const [line] = output.match(/audit:\S+/)!;
    const later = await command('--anchor', line);
    expect([later.code, later.output]).toEqual([0, expect.stringContaining('The audit trail holds, with 1 anchors.')]);
  });

  it('ends with 1 and names what does not hold', async () => {
    await sealed(globex);
    const wrong = `audit:${globex.id}:2:${'f'.repeat(64)}`;
    const { code, output } = await command('--anchor', wrong);
    expect([code, output]).toEqual([1, expect.stringMatching(/^FAULT globex at 2: the hash is not that of the anchor/m)]);
    expect(output).toMatch(/^The audit trail does not hold: globex\.$/m);
  });

  it.each([
    [['--anchor', 'audit:1:2:3'], '--anchor must be audit:<chain>:<sequence>:<hash>, not "audit:1:2:3".'],
    [['--anchors', '/nowhere'], 'The file of anchors cannot be read'],
    [['--what'], 'See npm run audit:verify -- --help.'],
  ])('refuses %j', async (args, message) => {
    const { code, output } = await command(...args);
    expect([code, output]).toEqual([1, expect.stringContaining(message)]);
  });
});
