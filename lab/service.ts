import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Api } from './api.js';
import { Child } from './child.js';
import { until } from './until.js';

export interface ServiceOptions {
  dataDir: string;
  /** Where the project is. */
  root: string;
  /** As in the README's table. */
  env?: NodeJS.ProcessEnv;
}

/** The service as a process of its own, as `npm start` runs it. */
export class Service {
  private constructor(
    readonly process: Child,
    readonly api: Api,
    private readonly adminKeyFile: string,
  ) {}

  static async start({ dataDir, root, env = {} }: ServiceOptions): Promise<Service> {
    const process_ = new Child('service', process.execPath, ['--enable-source-maps', join(root, 'dist/src/main.js')], {
      cwd: root,
      env: { ...process.env, NODE_ENV: 'development', PORT: '0', DATA_DIR: dataDir, LOG_LEVEL: 'info', ...env },
    });
    const url = await until(
      'the service says where its API is',
      () => {
        if (!process_.running) throw new Error(process_.output);
        return /^ {2}API +(\S+)\/api$/m.exec(process_.output)?.[1];
      },
      { timeout: 60_000 },
    ).catch(async (error: unknown) => {
      await process_.stop('SIGKILL');
      throw error;
    });
    return new Service(process_, new Api(url), join(dataDir, 'admin-key'));
  }

  /** The API as the first platform admin. */
  get admin(): Api {
    const key = existsSync(this.adminKeyFile) ? readFileSync(this.adminKeyFile, 'utf8').trim() : '';
    return this.api.as({ key });
  }

  get log(): string {
    return this.process.output;
  }

  stop(): Promise<void> {
    return this.process.stop('SIGTERM');
  }
}
