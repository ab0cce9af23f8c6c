import { LockMode } from '@mikro-orm/postgresql';
import { newId, systemClock, systemRandom } from '#libs/kernel';
import { Tenant } from '#libs/model';
import { connect, Database, databaseFaultOf, type Em, lostToOthers, PLATFORM, type Scope } from '../../../src/platform/database/index.js';
import { until } from '../../../lab/until.js';
import { startTestDatabase, type TestDatabase } from '../../support/database.js';

let test: TestDatabase;
beforeAll(async () => {
  test = await startTestDatabase();
});
afterAll(() => test.close());
beforeEach(() => test.empty());

async function newTenant(slug: string): Promise<string> {
  const id = newId(systemClock, systemRandom);
  await test.database.em(PLATFORM).insert(Tenant, { id, slug, name: '0', createdAt: systemClock.now() });
  return id;
}

/** Counts in a tenant's name, as the work of a transaction that reads what it changes, under a lock. */
async function countUp(em: Em, id: string): Promise<void> {
  const tenant = await em.findOneOrFail(Tenant, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
  tenant.name = String(Number(tenant.name) + 1);
  await em.flush();
}

const names = async () => (await test.database.em(PLATFORM).find(Tenant, {}, { orderBy: { slug: 'asc' } })).map(({ name }) => name);

/** Lets whoever comes go on when so many have come. */
function meeting(size: number): () => Promise<void> {
  let come = 0;
  let open: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (open = resolve));
  return async () => {
    if (++come === size) open();
    await all;
  };
}

describe('two transactions that wait for each other', () => {
  it('both succeed: the one that PostgreSQL gives up is done again, and all of it once', async () => {
    const [a, b] = [await newTenant('a'), await newTenant('b')];
    const bothHaveOne = meeting(2);
    let runs = 0;
    const inOrder = (first: string, second: string) =>
      test.database.transaction(PLATFORM, async (em) => {
        runs++;
        await countUp(em, first);
        await bothHaveOne();
        await countUp(em, second);
      });
    await Promise.all([inOrder(a, b), inOrder(b, a)]);
    expect(runs).toBe(3);
    expect(await names()).toEqual(['2', '2']);
  });

  it('both succeed when each is one statement', async () => {
    const [a, b] = [await newTenant('a'), await newTenant('b')];
    // Each takes its second row when the gate is opened.
    const inOrder = (first: string, second: string) =>
      test.database.statement(
        PLATFORM,
        `with one as (update tenants set name = (name::int + 1)::text where id = ? returning id),
              gate as materialized (select pg_advisory_xact_lock_shared(1) from one)
         update tenants set name = (name::int + 1)::text where id = ? and (select count(*) from gate) = 1`,
        [first, second],
      );
    const both = await test.database.transaction(PLATFORM, async (em) => {
      await em.execute('select pg_advisory_xact_lock(1)');
      const both = [inOrder(a, b), inOrder(b, a)];
      await until('both have one row', async () => {
        const [waiting] = await em.execute<{ count: number }[]>(`select count(*)::int from pg_locks where locktype = 'advisory' and not granted`);
        return waiting!.count === 2;
      });
      return both.map((one) => one.catch((error: unknown) => error));
    });
    expect(await Promise.all(both)).toEqual([[], []]);
    expect(await names()).toEqual(['2', '2']);
  });
});

describe('a transaction that cannot be put in an order with others', () => {
  const repeatable = (work: (em: Em) => Promise<void>) =>
    test.database.transaction(PLATFORM, async (em) => {
      await em.execute('set transaction isolation level repeatable read');
      await work(em);
    });

  it('is done again, with what the others have left', async () => {
    const id = await newTenant('a');
    let runs = 0;
    await repeatable(async (em) => {
      const before = (await em.findOneOrFail(Tenant, { id })).name;
      if (++runs === 1) await test.database.transaction(PLATFORM, (other) => countUp(other, id));
      else expect(before).toBe('1');
      await countUp(em, id);
    });
    expect([runs, await names()]).toEqual([2, ['2']]);
  });

  it('gives up after the third time, leaves nothing, and says that others were in the way', async () => {
    const id = await newTenant('a');
    let runs = 0;
    const lost: unknown = await repeatable(async (em) => {
      runs++;
      await em.insert(Tenant, { id: newId(systemClock, systemRandom), slug: 'b', name: '0', createdAt: systemClock.now() });
      await em.findOneOrFail(Tenant, { id });
      await test.database.transaction(PLATFORM, (other) => countUp(other, id));
      await countUp(em, id);
    }).catch((error: unknown) => error);
    expect([runs, lostToOthers(lost), databaseFaultOf(lost)]).toEqual([3, true, 'Others are changing the same right now. Try again.']);
    expect(await names()).toEqual(['3']);
  });

  it('is done once when it fails for another reason', async () => {
    let runs = 0;
    const failing = repeatable(async (em) => {
      runs++;
      await em.execute('select 1 / 0');
    });
    await expect(failing).rejects.toThrow(/division by zero/);
    expect(runs).toBe(1);
  });
});

describe('a connection', () => {
  it.each<[string, Scope]>([
    ['the platform', PLATFORM],
    ['a tenant', { tenantId: newId(systemClock, systemRandom) }],
  ])('that ends in the middle of a transaction of %s is made up for, however often that happens', async (_whose, scope) => {
    const isEnded = async (em: Em) => {
      const [{ pid }] = await em.execute<[{ pid: number }]>('select pg_backend_pid() as pid');
      await test.asSuperuser((other) => other.query('select pg_terminate_backend($1)', [pid]));
      await em.execute('select 1');
    };
    // More than either pool may have.
    for (let time = 0; time < 25; time++) {
      const lost = await test.database.transaction(scope, isEnded).catch((error: unknown) => error);
      expect(databaseFaultOf(lost)).toBe('The database is not available right now. Try again.');
    }
    await test.database.ping();
  });

  it('is not used for ever: what took over behind the same address is found', async () => {
    const connections = await connect(test.serviceUrl, 1);
    try {
      const database = new Database(connections);
      const pid = async () => (await database.statement<{ pid: number }>(PLATFORM, 'select pg_backend_pid() as pid', []))[0]!.pid;
      const first = await pid();
      // Asked for more often than connections idle.
      await until('another connection is used', async () => (await pid()) !== first);
    } finally {
      await connections.close();
    }
  });
});
