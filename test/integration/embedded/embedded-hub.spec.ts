import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../lab/free-port.js';
import { NATS_SERVERS } from '../../../lab/nats-versions.js';
import { until } from '../../../lab/until.js';
import { findNatsServer, type Hub, onFreePorts, startHub } from '../../../src/platform/embedded/index.js';
import { findProcess } from '../../../src/platform/embedded/process-identity.js';
import { OwnerProcess } from './owner-process.js';

const editions = Object.entries(NATS_SERVERS).map(([edition, binary]) => ({ edition, binary }));

let binary: string;
let directory: string;
let dataDir: string;
let configurationFile: string;
let monitorUrl: string;
let clientPort: number;
let started: Hub[];
let log: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'embedded-hub-'));
  dataDir = join(directory, 'hub');
  mkdirSync(dataDir);
  const monitorPort = await freePort();
  clientPort = await freePort();
  monitorUrl = `http://127.0.0.1:${monitorPort}`;
  configurationFile = configure(`jetstream { store_dir: "${directory}/jetstream" }`);
  started = [];
  log = [];
});

afterEach(async () => {
  for (const hub of started) await hub.stop();
  rmSync(directory, { recursive: true });
});

function configure(more: string): string {
  const file = join(directory, 'nats.conf');
  writeFileSync(file, `listen: "127.0.0.1:${clientPort}"\nhttp: "${monitorUrl.slice('http://'.length)}"\n${more}\n`);
  return file;
}

async function start(options: { restart?: boolean } = {}): Promise<Hub> {
  const hub = await startHub({ binary, configurationFile, dataDir, monitorUrl, log: (line) => log.push(line), ...options });
  started.push(hub);
  return hub;
}

const pidFile = (): string => join(dataDir, 'nats-server.pid');

async function isHealthy(): Promise<boolean> {
  const answer = await fetch(`${monitorUrl}/healthz`).catch(() => undefined);
  return answer?.ok === true;
}

describe.each(editions)('the embedded hub on nats-server $edition', (edition) => {
  beforeAll(async () => {
    binary = (await findNatsServer({ env: { NATS_SERVER: edition.binary } })).path;
  });

  describe('when it is started', () => {
    it('is healthy', async () => {
      await start();
      expect(await isHealthy()).toBe(true);
    });

    it('is in a session of its own, so that Ctrl-C in the terminal does not reach it', async () => {
      const { pid } = await start();
      const session = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
      expect(session).toBe(String(pid));
    });

    it('does not get our environment', async () => {
      process.env['ENCRYPTION_KEYS'] = 'k1:c2VjcmV0';
      try {
        const { pid } = await start();
        expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('ENCRYPTION_KEYS');
      } finally {
        delete process.env['ENCRYPTION_KEYS'];
      }
    });
  });

  describe('when it is stopped', () => {
    it('leaves no process and no pid file', async () => {
      const hub = await start({ restart: true });
      const { pid } = hub;
      await hub.stop();
      expect(findProcess(pid!)).toBeUndefined();
      expect(existsSync(pidFile())).toBe(false);
      expect(hub.pid).toBeUndefined();
    });
  });

  describe('when its configuration is wrong', () => {
    it('fails with what nats-server said, and leaves no process', async () => {
      configurationFile = configure('no_such_option: 1');
      await expect(start()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('no_such_option') });
      expect(existsSync(pidFile())).toBe(false);
    });

    it('can be started once it is right', async () => {
      configurationFile = configure('no_such_option: 1');
      await expect(start()).rejects.toThrow();
      configurationFile = configure('');
      await start();
      expect(await isHealthy()).toBe(true);
    });
  });

  describe('when another program has the monitoring port', () => {
    it('fails, even if that program says that it is healthy', async () => {
      const other = createServer((_, response) => response.end('{"status":"ok"}'));
      await new Promise<void>((listening) => other.listen(Number(new URL(monitorUrl).port), '127.0.0.1', listening));
      try {
        await expect(start()).rejects.toThrow(/monitoring port \d+ is taken/);
      } finally {
        other.closeAllConnections();
        other.close();
      }
    });
  });

  describe('when a port was taken after it had been found free', () => {
    let other: Server;

    beforeEach(async () => {
      other = createServer();
      await new Promise<void>((listening) => other.listen(clientPort, '127.0.0.1', listening));
    });

    afterEach(() => other.close());

    /** Chooses these client ports one after the other, then the last one ever again. */
    const startOn = (...ports: number[]) =>
      onFreePorts(
        async () => (ports.length > 1 ? ports.shift()! : ports[0]!),
        (port) => {
          clientPort = port;
          configurationFile = configure('');
          return start();
        },
      );

    it('is started on another', async () => {
      const free = await freePort();
      await startOn(clientPort, free);
      expect(clientPort).toBe(free);
      expect(await isHealthy()).toBe(true);
    });

    it('fails with what nats-server said when there is no other to choose', async () => {
      await expect(startOn(clientPort)).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('address already in use') });
    });
  });

  describe('when it is killed', () => {
    it('says so, and starts again', async () => {
      const hub = await start({ restart: true });
      const first = hub.pid!;
      const exit = new Promise((heard) => hub.onExit(heard));
      process.kill(first, 'SIGKILL');
      await expect(exit).resolves.toEqual({ code: null, signal: 'SIGKILL' });
      const second = await until('it runs again', () => hub.pid);
      expect(second).not.toBe(first);
      await until('it is healthy', isHealthy);
    });

    it('stays away if that was wanted', async () => {
      const hub = await start();
      const exit = new Promise((heard) => hub.onExit(heard));
      process.kill(hub.pid!, 'SIGKILL');
      await exit;
      expect(hub.pid).toBeUndefined();
      expect(log).toEqual([]);
    });
  });

  describe('when its owner was killed', () => {
    it('is ended and started anew by the next', async () => {
      const owner = await OwnerProcess.start<Hub>('hub', binary, configurationFile, dataDir, monitorUrl);
      const first = owner.server.pid!;
      await owner.kill();
      expect(findProcess(first)).toBeDefined();
      const next = await start();
      expect(next.leader).toBe(true);
      expect(findProcess(first)).toBeUndefined();
      expect(findProcess(next.pid!)).toBeDefined();
      expect(await isHealthy()).toBe(true);
    });
  });

  describe('when a living process leads it already', () => {
    it('is shared with a second one, who leaves it running', async () => {
      const owner = await OwnerProcess.start<Hub>('hub', binary, configurationFile, dataDir, monitorUrl);
      try {
        const second = await start();
        expect(second.leader).toBe(false);
        await second.stop();
        expect(findProcess(owner.server.pid!)).toBeDefined();
      } finally {
        await owner.stop();
      }
    });
  });

  describe('when its pid file names a process that is another by now', () => {
    let other: ChildProcess;

    beforeEach(() => {
      other = spawn('sleep', ['60']);
    });

    afterEach(() => {
      other.kill();
    });

    const statOfOther = (): string => readFileSync(`/proc/${other.pid}/stat`, 'utf8');

    it('lets one live that started at another time', async () => {
      const fields = statOfOther().split(' ');
      writeFileSync(pidFile(), fields.with(21, '1').join(' '));
      await start();
      expect(findProcess(other.pid!)).toBeDefined();
    });

    it('lets one live that runs something else', async () => {
      writeFileSync(pidFile(), statOfOther());
      await start();
      expect(findProcess(other.pid!)).toBeDefined();
    });

    it('starts in spite of a pid file that makes no sense', async () => {
      writeFileSync(pidFile(), 'nonsense');
      const hub = await start();
      expect(readFileSync(pidFile(), 'utf8')).toMatch(new RegExp(`^${hub.pid} `));
    });
  });
});
