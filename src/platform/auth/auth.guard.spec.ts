import { Controller, Get, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { DomainError } from '#libs/kernel';
import { UNLIMITED } from '../../../lab/unlimited.js';
import { ConfigModule } from '../config/config.module.js';
import { parseConfig } from '../config/index.js';
import type { Database } from '../database/index.js';
import { configureHttp, httpAdapterOptions } from '../http.js';
import { LoggingModule } from '../logging/index.js';
import { ProblemModule } from '../problem/index.js';
import { RateLimits } from '../rate-limit/index.js';
import { AuthGuard } from './auth.guard.js';
import { Authenticator } from './authenticator.js';
import { AnyCaller, Authorize } from './authorize.decorator.js';
import { type Caller, type Principal } from './caller.js';
import { CurrentCaller } from './current-caller.decorator.js';
import { Public } from './public.decorator.js';

const PRINCIPALS: Record<string, Principal> = {
  'Bearer viewer': { actor: 'api_key:1', id: '1', name: 'viewer', role: 'viewer', tenantId: 'acme' },
  'Bearer admin': { actor: 'api_key:2', id: '2', name: 'admin', role: 'admin', tenantId: 'acme' },
  'Bearer platform': { actor: 'api_key:3', id: '3', name: 'platform', role: 'platform_admin', tenantId: null },
};

const authenticator = {
  authenticate(authorization: string | undefined): Promise<Principal> {
    const principal = PRINCIPALS[authorization ?? ''];
    if (principal === undefined) return Promise.reject(new DomainError('unauthenticated', 'Show an API key.'));
    return Promise.resolve(principal);
  },
};

@Controller()
class DoorsController {
  @Get('forgotten')
  forgotten() {
    return {};
  }

  @Get('public')
  @Public()
  public() {
    return {};
  }

  @Get('any')
  @AnyCaller()
  any(@CurrentCaller() caller: Caller) {
    return { actor: caller.principal.actor };
  }

  @Get('admins')
  @Authorize('create', 'EdgeSite')
  admins(@CurrentCaller() caller: Caller) {
    return { actor: caller.principal.actor };
  }
}

const config = parseConfig({ LOG_LEVEL: 'fatal', ...UNLIMITED });

@Module({
  imports: [ConfigModule.forRoot(config), LoggingModule, ProblemModule],
  controllers: [DoorsController],
  providers: [
    { provide: Authenticator, useValue: authenticator },
    // Without a limit, it asks no database.
    { provide: RateLimits, useValue: new RateLimits(config, {} as Database) },
    { provide: APP_GUARD, useClass: AuthGuard },
  ],
})
class DoorsModule {}

let app: NestFastifyApplication;
beforeAll(async () => {
  const module = await Test.createTestingModule({ imports: [DoorsModule] }).compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(httpAdapterOptions(config)), { logger: false });
  configureHttp(app);
  await app.init();
});
afterAll(() => app.close());

const get = (path: string, key?: string) =>
  app.inject({ url: `/api/${path}`, headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });

describe('a handler without any decorator', () => {
  it.each(['viewer', 'admin', 'platform'])('is closed to a caller that is known (%s)', async (key) => {
    const answer = await get('forgotten', key);
    expect(answer.json()).toMatchObject({ status: 403, code: 'forbidden', detail: 'This call is open to nobody.' });
  });

  it('is closed to everybody else', async () => {
    expect((await get('forgotten')).json()).toMatchObject({ status: 401, code: 'unauthenticated' });
  });
});

describe('a handler that says what it requires', () => {
  it('runs for whoever may do that, and is told who it is', async () => {
    const answer = await get('admins', 'admin');
    expect([answer.statusCode, answer.json()]).toEqual([200, { actor: 'api_key:2' }]);
  });

  it.each([
    ['viewer', 403],
    [undefined, 401],
    ['nobody', 401],
  ])('does not run for %s', async (key, status) => {
    expect((await get('admins', key)).statusCode).toBe(status);
  });
});

describe('a handler for any caller', () => {
  it('runs for each that is known, and for nobody else', async () => {
    expect((await get('any', 'viewer')).json()).toEqual({ actor: 'api_key:1' });
    expect((await get('any')).statusCode).toBe(401);
  });
});

describe('a public handler', () => {
  it('runs for everybody', async () => {
    expect((await get('public')).statusCode).toBe(200);
  });
});
