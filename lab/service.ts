import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Api } from './api.js';
import { Child } from './child.js';
import { UNLIMITED } from './unlimited.js';
import { until } from './until.js';

export interface ServiceOptions {
  dataDir: string;
  /** File that takes what it says. */
  log: string;
  /** As in the README's table. */
  env?: NodeJS.ProcessEnv;
  detached?: boolean;
}

/** What the service prints when it is ready: without the role `api`, where its health is. */
const GREETING = /^ {2}(?:API +(\S+)\/api|Health +(\S+)\/api\/health\/ready)$/gm;

/** The service as a process of its own, as `npm start` runs it once all is built. */
export class Service {
  readonly process: Child;
  private readonly before: number;

  constructor(private readonly options: ServiceOptions) {
    const { dataDir, log, env, detached } = options;
    this.process = new Child('service', process.execPath, ['--enable-source-maps', resolve('dist/src/main.js')], {
      log,
      detached,
      env: { PORT: '0', GATEWAY_PORT: '0', HUB_CLIENT_PORT: '0', HUB_LEAF_PORT: '0', DATA_DIR: dataDir, ...UNLIMITED, ...env },
    });
    this.before = greetings(this.process).length;
  }

  /**
   * Waits until it is ready.
   * @throws Error with what it said, when it ends instead
   */
  async ready(): Promise<this> {
    const greeted = () => this.url !== undefined || !this.process.running;
    await until('the service says where its API is', greeted, { timeout: 60_000 });
    if (this.url === undefined) throw new Error(`The service ended:\n${this.process.log}`);
    return this;
  }

  /** The API as nobody. */
  get api(): Api {
    if (this.url === undefined) throw new Error('The service is not ready.');
    return new Api(this.url);
  }

  /** The key of the first platform admin. */
  get adminKey(): string {
    return readFileSync(join(this.options.dataDir, 'admin-key'), 'utf8').trim();
  }

  /** The API as the first platform admin. */
  get admin(): Api {
    return this.api.as({ key: this.adminKey });
  }

  /** In order, letting what runs finish. */
  stop(): Promise<number | null> {
    return this.process.stop('SIGTERM');
  }

  kill(): Promise<number | null> {
    return this.process.stop('SIGKILL');
  }

  private get url(): string | undefined {
    return greetings(this.process)[this.before];
  }
}

const greetings = (child: Child): string[] => [...child.log.matchAll(GREETING)].map(([, api, health]) => (api ?? health)!);
