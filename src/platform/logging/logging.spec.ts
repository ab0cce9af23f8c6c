import { once } from 'node:events';
import { connect } from 'node:net';
import { Body, Controller, Get, Logger, Module, Param, Post, Req, Res } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError, Secret } from '#libs/kernel';
import { ConfigModule, parseConfig } from '../config/index.js';
import { contextOf, TracingModule } from '../tracing/index.js';
import { compactLines } from './compact-lines.js';
import { JsonLogger, LoggingModule, requestContext } from './index.js';

type Line = Record<string, unknown>;

/** Keeps what is logged, and tells when a line is there. */
class Journal {
  readonly lines: Line[] = [];
  #waiting: (() => void)[] = [];

  write(line: string): void {
    this.lines.push(JSON.parse(line) as Line);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async find(matches: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const line = this.lines.find(matches);
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

const API_KEY = `sr_0123456789abcdef_${'s'.repeat(43)}`;

@Controller('things')
class ThingsController {
  readonly #logger = new Logger('Things');

  @Get(':id')
  get(@Param('id') id: string, @Req() request: FastifyRequest & { principal?: unknown }) {
    request.principal = { id: 'key-1', tenantId: 'tenant-1' };
    this.#logger.log({ id, token: 'hunter2' }, 'looked up');
    return {};
  }

  @Post()
  async create(@Body() body: unknown) {
    await Promise.resolve();
    this.#logger.log({ body }, 'created');
  }

  @Get('endless/stream')
  endless(@Res() reply: FastifyReply) {
    reply.raw.writeHead(200).write('a');
  }
}

@Module({ imports: [ConfigModule.forRoot(parseConfig({})), TracingModule, LoggingModule], controllers: [ThingsController] })
class ThingsModule {}

describe('the request log', () => {
  const journal = new Journal();
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const logger = new JsonLogger('debug', journal);
    const module = await Test.createTestingModule({ imports: [ThingsModule] }).overrideProvider(JsonLogger).useValue(logger).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    app.useLogger(logger);
    app.setGlobalPrefix('api');
    await app.listen(0, '127.0.0.1');
  });

  afterAll(() => app.close());

  const requestLine = (id: string) => journal.find(({ msg, request_id }) => msg === 'request' && request_id === id);

  it('has one line for each request, with who asked for what', async () => {
    const headers = { 'x-request-id': 'call-1', authorization: `Bearer ${API_KEY}` };
    const answer = await fetch(`${await app.getUrl()}/api/things/7?q=hunter2`, { headers });
    expect(answer.headers.get('x-request-id')).toBe('call-1');
    expect(await requestLine('call-1')).toEqual({
      level: 'info',
      time: expect.any(String) as string,
      context: 'http',
      msg: 'request',
      request_id: 'call-1',
      method: 'GET',
      path: '/api/things/7',
      route: '/api/things/:id',
      status: 200,
      ms: expect.any(Number) as number,
      principal_id: 'key-1',
      tenant_id: 'tenant-1',
    });
    expect(JSON.stringify(journal.lines)).not.toMatch(/hunter2|sssss/);
  });

  it('has the id of the request on every line that is logged for it, after the body was read too', async () => {
    await app.inject({ method: 'POST', url: '/api/things', payload: { a: 1 }, headers: { 'x-request-id': 'call-2' } });
    expect(await journal.find(({ msg }) => msg === 'created')).toMatchObject({ request_id: 'call-2', context: 'Things', body: { a: 1 } });
  });

  it('has lines for addresses that are not there', async () => {
    await app.inject({ url: '/nothing', headers: { 'x-request-id': 'call-3' } });
    expect(await requestLine('call-3')).toMatchObject({ path: '/nothing', status: 404, principal_id: null });
  });

  it('says when the caller went away', async () => {
    const { port } = app.getHttpServer().address() as { port: number };
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /api/things/endless/stream HTTP/1.1\r\nHost: a\r\nX-Request-Id: call-4\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    expect(await requestLine('call-4')).toMatchObject({ aborted: true });
  });

  it.each(['', 'a b', '-', 'x'.repeat(129), '"quoted"', '{"a":1}'])('makes an id of its own instead of %j', async (given) => {
    const answer = await app.inject({ url: '/api/things/1', headers: { 'x-request-id': given } });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('the logger', () => {
  const journal = new Journal();
  const logger = new JsonLogger('info', journal);
  const logged = (write: () => void): Line => {
    journal.lines.length = 0;
    write();
    expect(journal.lines).toHaveLength(1);
    return journal.lines[0]!;
  };

  it('takes what Nest gives: a message, a context, a stack', () => {
    expect(logged(() => logger.log('started', 'Main'))).toMatchObject({ level: 'info', msg: 'started', context: 'Main' });
    expect(logged(() => logger.error('failed', 'Error: x\n    at y', 'Main'))).toMatchObject({ level: 'error', msg: 'failed', stack: 'Error: x\n    at y' });
    expect(logged(() => logger.warn({ check: 'a' }, 'not ready', 'Health'))).toMatchObject({ level: 'warn', msg: 'not ready', check: 'a' });
    expect(logged(() => logger.error(new TypeError('bad'), 'Main'))).toMatchObject({ msg: 'bad', err: { type: 'TypeError' } });
  });

  it('says in which trace something happened', () => {
    const trace = contextOf('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
    expect(logged(() => requestContext.run({ trace }, () => logger.log('x', 'y')))).toMatchObject({ trace_id: '4bf92f3577b34da6a3ce929d0e0e4736' });
    expect(logged(() => logger.log('x', 'y'))).not.toHaveProperty('trace_id');
  });

  it('leaves out what is below its level', () => {
    journal.lines.length = 0;
    logger.debug('details');
    logger.verbose('more');
    expect(journal.lines).toEqual([]);
  });

  it('keeps of an error its type, message, stack, code and causes', () => {
    const cause = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (token)=(hunter2)', parameters: ['hunter2'] });
    const error = new DomainError('internal', 'It failed.', { cause, context: { site: 'a', private_key: 'hunter2' } });
    const line = logged(() => logger.error({ err: error }, 'failed', 'x'));
    expect(line.err).toMatchObject({
      type: 'DomainError',
      message: 'It failed.',
      stack: expect.stringContaining('logging.spec') as string,
      context: { site: 'a', private_key: '[redacted]' },
      cause: { message: 'duplicate key', code: '23505' },
    });
    expect(JSON.stringify(line)).not.toContain('hunter2');
  });

  it.each([
    'password', 'PASSWORD', 'dbPassword', 'token', 'download_token', 'x-serviceradar-download-token', 'authorization', 'Cookie', 'set-cookie',
    'seed', 'creds', 'key', 'apiKey', 'private_key', 'privateKeyPem', 'secret', 'clientSecret', 'encryption_keys', 'jwt',
  ])('keeps %s to itself, at any depth', (name) => {
    const line = logged(() => logger.log({ [name]: 'hunter2', list: [{ deep: { [name]: { nested: 'hunter2' } } }] }, 'x', 'y'));
    expect(JSON.stringify(line)).not.toContain('hunter2');
  });

  it.each(['key_id', 'token_id', 'public_key', 'name', 'slug', 'tenant_id'])('shows %s', (name) => {
    expect(logged(() => logger.log({ [name]: 'shown' }, 'x', 'y'))).toMatchObject({ [name]: 'shown' });
  });

  it.each([
    ['an API key', API_KEY],
    ['a download token', 'collectorpkg-v2:eyJ1IjoiaHR0cCJ9.abc-_DEF'],
    ['a NATS seed', `SU${'A'.repeat(56)}`],
    ['a JWT', 'eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln'],
    ['a JWT whose header is written with spaces', `${Buffer.from('{ "alg": "ES256" }').toString('base64url')}.eyJhIjoxfQ.c2ln`],
    ['a JWT whose header is written in lines', `${Buffer.from('{\n"alg": "ES256"\n}').toString('base64url')}.eyJhIjoxfQ.c2ln`],
    ['another bearer token', 'Bearer 2YotnFZFEjr1zCsicMWpAA'],
    ['a private key', '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----'],
    ['a password in a URL', 'postgres://app:hunter2@db.example/edge'],
  ])('cuts %s out of the middle of a text', (_what, secret) => {
    const line = logged(() => logger.error(`before ${secret} after`, `Error: ${secret}\n    at x`, 'y'));
    expect(line.msg).toMatch(/^before .*\[redacted\].* after$/);
    expect(JSON.stringify(line)).not.toContain(secret.replaceAll('\n', '\\n'));
    expect(JSON.stringify(line)).not.toMatch(/hunter2|MHcCAQEE/);
  });

  it('shows nothing of a private key that was cut off, and stays a line of JSON', () => {
    expect(logged(() => logger.error('before -----BEGIN PRIVATE KEY-----\nMHcC"AQEE', undefined, 'y')).msg).toMatch(/^before \[redacted\]/);
    expect(JSON.stringify(logged(() => logger.error('-----BEGIN PRIVATE KEY-----\nMHcCAQEE', undefined, 'y')))).not.toContain('MHcC');
  });

  it('shows no Secret', () => {
    expect(logged(() => logger.log({ value: new Secret('hunter2') }, 'x', 'y'))).toMatchObject({ value: '[redacted]' });
  });
});

describe('compact lines', () => {
  it('say in one line what the JSON says, and put the stack below', () => {
    const written: string[] = [];
    const logger = new JsonLogger('info', compactLines({ write: (text: string) => void written.push(text) }));
    logger.log({ site: 'a', count: 2 }, 'provisioned', 'Sites');
    logger.error(new TypeError('bad'), 'Main');
    expect(written[0]).toMatch(/^\d\d:\d\d:\d\d INFO  \[Sites\] provisioned site=a count=2\n$/);
    expect(written[1]).toMatch(/^\d\d:\d\d:\d\d ERROR \[Main\] bad\nTypeError: bad\n {4}at /);
  });
});
