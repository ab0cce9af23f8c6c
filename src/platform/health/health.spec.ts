import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { HealthModule, type ReadinessDto, ReadinessRegistry } from './index.js';

describe('health', () => {
  let app: NestFastifyApplication;
  let databaseWorks: boolean;

  beforeEach(async () => {
    databaseWorks = true;
    const module = await Test.createTestingModule({ imports: [HealthModule] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    await app.init();
    const registry = app.get(ReadinessRegistry);
    registry.register('queue', () => Promise.resolve());
    registry.register('database', () =>
      databaseWorks ? Promise.resolve() : Promise.reject(new Error('password of app at db.example is wrong')),
    );
  });

  afterEach(() => app.close());

  const ready = async () => {
    const { statusCode, body } = await app.inject('/health/ready');
    return { status: statusCode, body, answer: JSON.parse(body) as ReadinessDto };
  };

  it('is ready while every check passes', async () => {
    expect(await ready()).toMatchObject({
      status: 200,
      answer: {
        status: 'ready',
        checks: [
          { name: 'queue', ok: true, detail: 'works' },
          { name: 'database', ok: true, detail: 'works' },
        ],
      },
    });
  });

  it('is not ready while one fails, names it, keeps its secrets, and recovers with it', async () => {
    databaseWorks = false;
    const { status, body, answer } = await ready();
    expect(status).toBe(503);
    expect(answer.status).toBe('not_ready');
    expect(answer.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(['database']);
    expect(body).not.toContain('db.example');

    databaseWorks = true;
    expect((await ready()).status).toBe(200);
  });

  it('stays alive while nothing is ready', async () => {
    databaseWorks = false;
    const answer = await app.inject('/health/live');
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'live' }]);
  });
});

describe('the readiness registry', () => {
  it('gives up on a probe that never answers, and still has the others', async () => {
    const registry = new ReadinessRegistry();
    registry.register('hub', () => new Promise(() => {}));
    registry.register('database', () => Promise.resolve());
    expect(await registry.check(10)).toEqual([
      { name: 'hub', ok: false, detail: 'no answer within 10 ms' },
      { name: 'database', ok: true, detail: 'works' },
    ]);
  });

  it('counts a probe that throws at once as failed', async () => {
    const registry = new ReadinessRegistry();
    registry.register('hub', () => {
      throw new Error('not connected');
    });
    expect(await registry.check()).toMatchObject([{ name: 'hub', ok: false }]);
  });

  it('refuses a second probe of the same name', () => {
    const registry = new ReadinessRegistry();
    registry.register('hub', () => Promise.resolve());
    expect(() => registry.register('hub', () => Promise.resolve())).toThrow('hub');
  });
});
