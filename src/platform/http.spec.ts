import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
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

  it.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
    ['both', '[{"a":', '}]'],
  ])('of %s that are nested too deep is refused with 422, whoever reads it', async (_what, open, close) => {
    const nested = (levels: number) => post(`${open.repeat(levels)}1${close.repeat(levels)}`, 'application/json');
    expect((await nested(8)).statusCode).toBe(201);
    for (const levels of [17, 100, 10_000]) {
      expect((await nested(levels)).json()).toMatchObject({ status: 422, code: 'validation_failed', errors: [{ pointer: '', code: 'too_deep' }] });
    }
  });

  it('of more than 128 KiB is refused with 413', async () => {
    expect((await post(JSON.stringify('a'.repeat(128 * 1024)), 'application/json')).json()).toMatchObject({ status: 413, code: 'too_large' });
  });
});

/** Close it. */
async function served(env: Record<string, string>, patience?: Parameters<typeof httpAdapterOptions>[1]): Promise<NestFastifyApplication> {
  const settings = parseConfig({ LOG_LEVEL: 'fatal', ...env });
  @Module({ imports: [ConfigModule.forRoot(settings), LoggingModule, ProblemModule], controllers: [EchoController] })
  class ServedModule {}
  const module = await Test.createTestingModule({ imports: [ServedModule] }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(httpAdapterOptions(settings, patience)), { logger: false });
  configureHttp(app);
  await app.listen(0, '127.0.0.1');
  return app;
}

describe('every answer', () => {
  it.each([
    ['https://edge.example', /^max-age=\d+/],
    ['http://edge.example', undefined],
  ])('of %s is framed, sniffed and referred to by nobody; HTTPS is required where there is HTTPS', async (publicUrl, transport) => {
    const app = await served({ PUBLIC_URL: publicUrl });
    try {
      const { headers } = await app.inject({ method: 'GET', url: '/api/nothing' });
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' });
      expect(headers['content-security-policy']).toContain(`frame-ancestors 'none'`);
      if (transport === undefined) expect(headers).not.toHaveProperty('strict-transport-security');
      else expect(headers['strict-transport-security']).toMatch(transport);
    } finally {
      await app.close();
    }
  });
});

describe('the documentation', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await served({});
  });
  afterAll(() => app.close());

  const policyOf = async (url: string) => {
    const { headers } = await app.inject({ url });
    const directives = String(headers['content-security-policy']).split(';').map((directive) => directive.trim().split(' '));
    return Object.fromEntries(directives.map(([name, ...sources]) => [name, sources])) as Record<string, string[]>;
  };
  const allMatches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found]) => found!);

  it.each(['/api/docs', '/api/docs/', '/api/docs?x=1'])('at %s loads what the policy that it comes with permits, and nothing else', async (url) => {
    const policy = await policyOf(url);
    const { body } = await app.inject({ url });
    const [scripts, styles, images] = [/<script src="([^"]+)"/g, /rel="stylesheet"[^>]* href="([^"]+)"/g, /rel="icon"[^>]* href="([^"]+)"/g].map((asset) => allMatches(body, asset));
    expect([scripts!.length > 0, styles!.length > 0, images!.length > 0]).toEqual([true, true, true]);
    expect([policy['script-src'], policy['style-src'], policy['img-src']]).toEqual([[`'self'`], [`'self'`, `'unsafe-inline'`], [`'self'`, 'data:']]);
    // A script that is written into the page would need 'unsafe-inline'.
    expect(body).not.toMatch(/<script(?![^>]* src=)|\son\w+=|javascript:/i);
    for (const [assets, type] of [[scripts, 'javascript'], [styles, 'text/css'], [images, 'image/png']] as const) {
      for (const asset of assets!) {
        const { origin, pathname } = new URL(asset, `http://self${url}`);
        const answer = await app.inject({ url: pathname });
        expect([origin, answer.statusCode, answer.headers['content-type']]).toEqual(['http://self', 200, expect.stringContaining(type)]);
      }
    }
    const drawn = (await app.inject({ url: new URL(styles![0]!, `http://self${url}`).pathname })).body;
    for (const address of allMatches(drawn, /url\(["']?([^"')]{1,20})/g)) expect(address).toMatch(/^(?:data:|#)/);
  });

  it('lets nothing be evaluated or framed', async () => {
    const policy = await policyOf('/api/docs');
    expect(JSON.stringify(policy)).not.toMatch(/unsafe-eval|unsafe-hashes|\*/);
    expect(policy).toMatchObject({ 'default-src': [`'self'`], 'object-src': [`'none'`], 'frame-ancestors': [`'none'`] });
  });

  it('is the only page: all else may load nothing', async () => {
    for (const url of ['/api/nothing', '/api/openapi.json', '/api/docsx', '/']) {
      expect(await policyOf(url)).toEqual({ 'default-src': [`'none'`], 'frame-ancestors': [`'none'`] });
    }
  });
});

describe('a page of another origin', () => {
  const preflight = async (env: Record<string, string>, origin: string) => {
    const app = await served(env);
    try {
      const asked = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
      const { headers } = await app.inject({ method: 'OPTIONS', url: '/api/echo', headers: asked });
      const answer = await app.inject({ method: 'POST', url: '/api/echo', headers: { origin } });
      return [headers['access-control-allow-origin'], answer.headers['access-control-allow-origin'], headers['access-control-allow-credentials']];
    } finally {
      await app.close();
    }
  };

  it('is admitted by default to nothing', async () => {
    expect(await preflight({}, 'https://console.example')).toEqual([undefined, undefined, undefined]);
  });

  it('is admitted, without cookies, when it is one that the configuration names', async () => {
    const named = { CORS_ORIGINS: 'https://console.example' };
    expect(await preflight(named, 'https://console.example')).toEqual(['https://console.example', 'https://console.example', undefined]);
    expect(await preflight(named, 'https://console.example.evil')).toEqual([undefined, undefined, undefined]);
  });
});

describe('a request over a plain socket', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await served({}, { request: 300, headers: 200, look: 50 });
  });
  afterAll(() => app.close());

  /** What is answered to a text after which nothing more is sent, when the server has closed. */
  async function answered(text: string): Promise<string> {
    const socket = connect((app.getHttpServer().address() as AddressInfo).port, '127.0.0.1');
    let received = '';
    socket.on('data', (data) => (received += data.toString()));
    // A server that refuses may close before it has read all.
    socket.on('error', () => undefined);
    socket.write(text);
    await once(socket, 'close');
    return received;
  }

  it.each([
    ['whose headers never end', 'GET /api/nothing HTTP/1.1\r\nHost: x\r\nX-Slow: '],
    ['whose body never ends', 'POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"a"'],
  ])('%s is cut off with 408', async (_what, text) => {
    expect(await answered(text)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it.each([
    ['headers', `GET /api/nothing HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(17 * 1024)}\r\n\r\n`],
    ['a URL', `GET /api/${'x'.repeat(17 * 1024)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ])('with %s of more than 16 KiB is refused with 431', async (_what, text) => {
    expect(await answered(text)).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe('a shutdown', () => {
  it('waits for no connection over which nothing has come', async () => {
    const module = await Test.createTestingModule({ imports: [EchoModule] }).compile();
    const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(httpAdapterOptions(config)), { logger: false });
    configureHttp(app);
    await app.listen(0, '127.0.0.1');
    const socket = connect((app.getHttpServer().address() as AddressInfo).port, '127.0.0.1');
    const gone = once(socket, 'close');
    await Promise.all([once(app.getHttpServer(), 'connection'), once(socket, 'connect')]);
    await app.close();
    await gone;
  }, 20_000);
});
