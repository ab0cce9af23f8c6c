import { Body, Controller, Module, Post } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { ConfigModule, parseConfig } from './config/index.js';
import { configureHttp, httpAdapterOptions } from './http.js';
import { LoggingModule } from './logging/index.js';
import { ProblemModule } from './problem/index.js';

@Controller('echo')
class EchoController {
  @Post()
  echo(@Body() body: unknown) {
    return { body: body ?? null };
  }
}

const config = parseConfig({ LOG_LEVEL: 'fatal' });

@Module({ imports: [ConfigModule.forRoot(config), LoggingModule, ProblemModule], controllers: [EchoController] })
class EchoModule {}

describe('a body', () => {
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [EchoModule] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(httpAdapterOptions(config)), { logger: false });
    configureHttp(app);
    await app.init();
  });

  afterAll(() => app.close());

  const post = (payload: string, type?: string) =>
    app.inject({ method: 'POST', url: '/api/echo', payload, headers: type === undefined ? {} : { 'content-type': type } });

  it.each(['application/json', 'application/json; charset=utf-8'])('of type %s is taken', async (type) => {
    const answer = await post('{"name":"a"}', type);
    expect([answer.statusCode, answer.json()]).toEqual([201, { body: { name: 'a' } }]);
  });

  it.each(['text/plain', 'text/plain; charset=utf-8', 'application/xml', 'application/x-www-form-urlencoded', 'application/octet-stream', 'nonsense', undefined])(
    'of type %s is refused with 415',
    async (type) => {
      const answer = await post('{"name":"a"}', type);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.json()).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    },
  );

  it.each([{}, { 'content-length': '0' }])('that is not there needs no type, and may have one (%j)', async (headers) => {
    const answer = await app.inject({ method: 'POST', url: '/api/echo', headers: { 'content-type': 'application/json', ...headers } });
    expect([answer.statusCode, answer.json()]).toEqual([201, { body: null }]);
  });

  it('of more than 128 KiB is refused with 413', async () => {
    expect((await post(JSON.stringify('a'.repeat(128 * 1024)), 'application/json')).json()).toMatchObject({ status: 413, code: 'too_large' });
  });
});
