import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { until } from '../../../lab/until.js';
import { type EmbeddedPostgres, isPortFree, startEmbeddedPostgres } from '../../../src/platform/embedded/index.js';
import { findProcess } from '../../../src/platform/embedded/process-identity.js';
import { OwnerProcess } from './owner-process.js';

const isRoot = process.getuid?.() === 0;

let directory: string;
let dataDir: string;
let started: EmbeddedPostgres[];

function makeDirectory(): void {
  directory = mkdtempSync(join(tmpdir(), 'embedded-postgres-'));
  dataDir = join(directory, 'data');
  // A temporary directory is closed to other users, and root's server runs as another.
  if (isRoot) chmodSync(directory, 0o711);
  started = [];
}

async function removeDirectory(): Promise<void> {
  for (const postgres of started.reverse()) await postgres.stop();
  rmSync(directory, { recursive: true });
}

async function start(dir = dataDir): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir: dir, log: () => {} });
  started.push(postgres);
  return postgres;
}

async function query(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}

const serverPid = (dir = dataDir): number => Number.parseInt(readFileSync(join(dir, 'postgres/data/postmaster.pid'), 'utf8'), 10);
const portOf = (url: string): number => Number(new URL(url).port);
const keepNote = (url: string) => query(url, 'create table note (text text)', `insert into note values ('kept')`);
const readNotes = (url: string) => query(url, 'select text from note');

describe('a new embedded PostgreSQL', () => {
  let ownerUrl: string;
  let serviceUrl: string;
  let jobsUrl: string;

  beforeAll(async () => {
    makeDirectory();
    ({ ownerUrl, serviceUrl, jobsUrl } = await start());
  });

  afterAll(removeDirectory);

  describe('when it has been started', () => {
    it('makes logins for migrations, service and queue', async () => {
      const who = 'select current_user as name, current_database() as database';
      expect(await query(ownerUrl, who)).toEqual([{ name: 'serviceradar_owner', database: 'serviceradar' }]);
      expect(await query(serviceUrl, who)).toEqual([{ name: 'app', database: 'serviceradar' }]);
      expect(await query(jobsUrl, who)).toEqual([{ name: 'jobs', database: 'serviceradar' }]);
    });

    it('lets the service do nothing that migrations have not granted', async () => {
      await query(ownerUrl, 'create table secret (text text)');
      await expect(query(serviceUrl, 'select from secret')).rejects.toThrow('permission denied for table secret');
      await expect(query(serviceUrl, 'create table mine (id int)')).rejects.toThrow('permission denied for schema public');
      await expect(query(serviceUrl, 'create temporary table mine (id int)')).rejects.toThrow('permission denied to create temporary tables');
      await expect(query(serviceUrl, 'create schema mine')).rejects.toThrow('permission denied for database');
      await expect(query(serviceUrl, 'select from bullmq.job')).rejects.toThrow('permission denied for schema bullmq');
      await expect(query(serviceUrl, 'create role mine')).rejects.toThrow('permission denied to create role');
      await expect(query(serviceUrl, 'set role serviceradar_owner')).rejects.toThrow('permission denied to set role');
    });

    it('lets no login be a superuser or pass row-level security', async () => {
      const rows = await query(ownerUrl, `select rolname from pg_roles where (rolsuper or rolbypassrls) and rolname !~ '^pg_' order by 1`);
      expect(rows).toEqual([{ rolname: 'postgres' }]);
    });

    it('lets the service take the platform role, but not have its rights without', async () => {
      await query(ownerUrl, 'create table shared (text text)', 'grant select on shared to app_platform');
      await expect(query(serviceUrl, 'select from shared')).rejects.toThrow('permission denied for table shared');
      await expect(query(serviceUrl, 'begin', 'set local role app_platform', 'select * from shared')).resolves.toEqual([]);
    });

    it('lets the queue own its schema, and the owner make roles and tables', async () => {
      await query(jobsUrl, 'create sequence bullmq.numbers', 'create temporary table passing (id int)', 'create schema more');
      await query(ownerUrl, 'create role reader', 'create table leaf (id int)', 'grant select on leaf to app');
    });

    it('listens on the loopback address and a socket of its own only, and asks for a password', async () => {
      // PostgreSQL, src/include/utils/pidfile.h: the directory of its socket, then its address.
      const lines = readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n');
      expect(lines.slice(4, 6)).toEqual([join(dataDir, 'postgres'), '127.0.0.1']);
      const wrong = new URL(ownerUrl);
      wrong.password = 'wrong';
      await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
    });

    it('keeps logins where only the owner of the data directory can read them', async () => {
      expect(statSync(join(dataDir, 'postgres.json')).mode & 0o777).toBe(0o600);
      expect(statSync(join(dataDir, 'postgres')).mode & 0o777).toBe(0o700);
      expect(existsSync(join(dataDir, 'postgres/initial-password'))).toBe(false);
    });
  });
});

describe('the embedded PostgreSQL', () => {
  beforeEach(makeDirectory);
  afterEach(removeDirectory);

  describe('when it is dialled', () => {
    const overSocket = 'select inet_server_addr() is null as socket';

    it('is by its socket', async () => {
      const { serviceUrl } = await start();
      expect(await query(serviceUrl, overSocket)).toEqual([{ socket: true }]);
    });

    it.each([
      ['too long', 'l'.repeat(100)],
      ['not plain', 'data of $HOME'],
    ])('is by TCP where the path of its directory is %s for a socket', async (_why, name) => {
      dataDir = join(directory, name);
      const { serviceUrl } = await start();
      expect(await query(serviceUrl, overSocket)).toEqual([{ socket: false }]);
    });
  });

  describe('when it is stopped', () => {
    it('leaves no process', async () => {
      const postgres = await start();
      const pid = serverPid();
      await postgres.stop();
      expect(findProcess(pid)).toBeUndefined();
    });
  });

  describe('when it is started again', () => {
    it('is at the same port with the same logins and data', async () => {
      const first = await start();
      await keepNote(first.ownerUrl);
      await first.stop();
      const second = await start();
      expect(second.ownerUrl).toBe(first.ownerUrl);
      expect(await readNotes(second.ownerUrl)).toEqual([{ text: 'kept' }]);
    });

    it('finds another port if another program has taken it', async () => {
      const first = await start();
      await keepNote(first.ownerUrl);
      await first.stop();
      const other = await occupy(portOf(first.ownerUrl));
      try {
        const second = await start();
        expect(portOf(second.ownerUrl)).not.toBe(portOf(first.ownerUrl));
        expect(await readNotes(second.ownerUrl)).toEqual([{ text: 'kept' }]);
      } finally {
        other.close();
      }
    });

    it('refuses, rather than begin anew, if its logins are gone', async () => {
      await (await start()).stop();
      rmSync(join(dataDir, 'postgres.json'));
      await expect(start()).rejects.toMatchObject({ code: 'invalid_configuration', message: expect.stringContaining('postgres.json') });
    });
  });

  describe('when it has ended by itself', () => {
    it('is started again on its port, and not before that is free: whoever uses it knows of no other', async () => {
      const postgres = await start();
      await keepNote(postgres.ownerUrl);
      const port = portOf(postgres.ownerUrl);
      process.kill(serverPid(), 'SIGKILL');
      await until('its port is free', () => isPortFree(port));
      const other = await occupy(port);
      try {
        await expect(postgres.revive()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining(`Port ${port} `) });
      } finally {
        other.close();
        await once(other, 'close');
      }
      await postgres.revive();
      expect(await readNotes(postgres.ownerUrl)).toEqual([{ text: 'kept' }]);
    });
  });

  describe('when its owner was killed', () => {
    it('is adopted with its data by the next, who stops it', async () => {
      const owner = await OwnerProcess.start<EmbeddedPostgres>('postgres', dataDir);
      await keepNote(owner.server.ownerUrl);
      const pid = serverPid();
      await owner.kill();
      const next = await start();
      expect(next.leader).toBe(true);
      expect(serverPid()).toBe(pid);
      expect(await readNotes(next.ownerUrl)).toEqual([{ text: 'kept' }]);
      await next.stop();
      expect(findProcess(pid)).toBeUndefined();
    });

    it('is started anew with its data if it was killed too', async () => {
      const owner = await OwnerProcess.start<EmbeddedPostgres>('postgres', dataDir);
      await keepNote(owner.server.ownerUrl);
      await owner.kill();
      process.kill(serverPid(), 'SIGKILL');
      const next = await start();
      expect(await readNotes(next.ownerUrl)).toEqual([{ text: 'kept' }]);
    });

    it('is made anew if the owner was killed while making it', async () => {
      mkdirSync(join(dataDir, 'postgres/data.partial/base'), { recursive: true });
      const postgres = await start();
      await keepNote(postgres.ownerUrl);
      expect(existsSync(join(dataDir, 'postgres/data.partial'))).toBe(false);
    });
  });

  describe('when its pid file names a process that is another by now', () => {
    let other: ChildProcess;

    afterEach(() => {
      other.kill();
    });

    it('starts, and lets that process live', async () => {
      const first = await start();
      const pidFile = join(dataDir, 'postgres/data/postmaster.pid');
      const text = readFileSync(pidFile, 'utf8');
      await first.stop();
      const { uid, gid } = statSync(join(dataDir, 'postgres'));
      other = spawn('sleep', ['60'], isRoot ? { uid, gid } : {});
      writeFileSync(pidFile, text.replace(/^\d+/, String(other.pid)), { mode: 0o600 });
      chownSync(pidFile, uid, gid);
      await start();
      expect(serverPid()).not.toBe(other.pid);
      expect(findProcess(other.pid!)).toBeDefined();
    });
  });

  describe('when two data directories are used at once', () => {
    it('runs a server for each', async () => {
      const [one, two] = await Promise.all([start(join(directory, 'one')), start(join(directory, 'two'))]);
      await keepNote(one.ownerUrl);
      await expect(readNotes(two.ownerUrl)).rejects.toThrow('relation "note" does not exist');
    });
  });

  describe('when a living process leads it already', () => {
    it('is shared with a second one, who leaves it running', async () => {
      const owner = await OwnerProcess.start<EmbeddedPostgres>('postgres', dataDir);
      try {
        const second = await start();
        expect(second).toMatchObject({ leader: false, ownerUrl: owner.server.ownerUrl });
        await second.stop();
        await keepNote(owner.server.ownerUrl);
      } finally {
        await owner.stop();
      }
    });

    it('is waited for by a second one that starts at the same time', async () => {
      const [one, two] = await Promise.all([start(), start()]);
      expect([one.leader, two.leader].filter(Boolean)).toHaveLength(1);
      expect(one.ownerUrl).toBe(two.ownerUrl);
    });

    it('is taken over by a second one when the first has stopped', async () => {
      const owner = await OwnerProcess.start<EmbeddedPostgres>('postgres', dataDir);
      await owner.stop();
      expect((await start()).leader).toBe(true);
    });
  });

  // Anybody else's server runs as themselves, whom their own directories do not stop.
  (isRoot ? describe : describe.skip)('when root starts it below a directory that others cannot pass', () => {
    it('keeps the data elsewhere, and finds them again', async () => {
      const closed = join(mkdtempSync(join(directory, 'closed-')), 'data');
      const first = await start(closed);
      const home = realpathSync(join(closed, 'postgres'));
      try {
        expect(home.startsWith('/var/lib/')).toBe(true);
        await keepNote(first.ownerUrl);
        await first.stop();
        const second = await start(closed);
        expect(await readNotes(second.ownerUrl)).toEqual([{ text: 'kept' }]);
        await second.stop();
      } finally {
        await first.stop();
        rmSync(home, { recursive: true });
      }
    });
  });
});

function occupy(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
      .once('error', reject)
      .listen(port, '127.0.0.1', () => resolve(server));
  });
}
