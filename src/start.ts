import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiKeysService } from './api-keys/index.js';
import { AppModule } from './app.module.js';
import { HubAddress } from './nats/index.js';
import { parseApiKey } from './platform/auth/index.js';
import { cannotListen } from './platform/cannot-listen.js';
import type { Config } from './platform/config/index.js';
import { GatewayAddress } from './platform/gateway-address.js';
import { configureHttp, httpAdapterOptions } from './platform/http.js';
import { standardLogger } from './platform/logging/index.js';
import { PublicUrl } from './platform/public-url.js';
import { openDatabase } from './with-database.js';

/** A service that answers. */
export interface RunningService {
  app: NestFastifyApplication;
  /** Where the API is, without a slash at its end. */
  url: string;
  /** What leaves dial. */
  leafUpstreamUrl: string;
  /** What agents dial, as `host:port`; undefined when this process is no gateway. */
  gatewayAddress: string | undefined;
  /** File that holds the first platform admin's key; undefined when the key was given, or is older than this data directory. */
  adminKeyFile: string | undefined;
  /** Lets running requests and jobs finish, then stops everything that was started. */
  stop(): Promise<void>;
}

const ADMIN_KEY_FILE = 'admin-key';

/**
 * Starts the service as configured: PostgreSQL and hub of its own where no others are given, migrations, the application.
 * @throws DomainError and whatever a server that does not come up throws; nothing is left running then
 */
export async function start(config: Config): Promise<RunningService> {
  const database = await openDatabase(config);
  let app: NestFastifyApplication | undefined;
  const stop = async () => {
    await app?.close();
    await database.stop();
  };
  try {
    app = await NestFactory.create<NestFastifyApplication>(
      AppModule.forRoot(config, database.urls),
      new FastifyAdapter(httpAdapterOptions(config)),
      { logger: standardLogger(config), abortOnError: false },
    );
    configureHttp(app);
    await listen(app, config);
    const publicUrl = app.get(PublicUrl);
    publicUrl.listening(await app.getUrl());
    const adminKeyFile = await ensureAdmin(app, config);
    const gatewayAddress = config.roles.includes('gateway') ? app.get(GatewayAddress).value : undefined;
    return { app, url: publicUrl.value, leafUpstreamUrl: app.get(HubAddress).leafUpstreamUrl, gatewayAddress, adminKeyFile, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function listen(app: NestFastifyApplication, { host, port }: Config): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    throw cannotListen(error, 'The API cannot listen: HOST and PORT say', `${host}:${port}`);
  }
}

/** @returns the file that holds the first key; undefined when it was given, or made with another data directory */
async function ensureAdmin(app: NestFastifyApplication, config: Config): Promise<string | undefined> {
  const given = config.bootstrapAdminKey && parseApiKey(config.bootstrapAdminKey.reveal());
  if (given === undefined && config.environment === 'production') return undefined;
  const file = join(config.dataDir, ADMIN_KEY_FILE);
  const keep = (key: string) => {
    // Whole, or not at all.
    writeFileSync(`${file}.new`, `${key}\n`, { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
  };
  await app.get(ApiKeysService).ensurePlatformAdmin(given, keep);
  return given === undefined && existsSync(file) ? file : undefined;
}
