import { Readable } from 'node:stream';
import { ConnectionException, OptimisticLockError } from '@mikro-orm/core';
import { Body, Controller, ForbiddenException, Get, Module, Param, Post, Res } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { FastifyReply } from 'fastify';
import { Client } from 'pg';
import { ERROR_CODES } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { freePort } from '../../../lab/free-port.js';
import type { ProblemDto } from './index.js';
import { ProblemModule, PROBLEMS, sendFrameworkProblem } from './index.js';

/** The error of a real client whose server is not there, as MikroORM hands it on. */
async function databaseAway(): Promise<unknown> {
  const client = new Client({ host: '127.0.0.1', port: await freePort(), user: 'app', password: 'hunter2' });
  return client.connect().catch((error: unknown) => new ConnectionException(error as Error));
}

const THROWN: Record<string, () => unknown> = {
  domain: () =>
    new DomainError('slug_taken', 'The slug "a" is taken.', {
      context: { password: 'hunter2' },
      errors: [{ pointer: '/slug', code: 'taken', detail: 'is taken' }],
    }),
  secret: () =>
    new DomainError('validation_failed', `sr_0123456789abcdef_${'s'.repeat(43)} is no name.`, {
      errors: [{ pointer: `/SU${'A'.repeat(56)}`, code: 'unknown', detail: 'tls://user:hunter2@host is not known' }],
    }),
  limited: () => new DomainError('rate_limited', 'Slow down.', { context: { retryAfter: 6.2 } }),
  unauthenticated: () => new DomainError('unauthenticated', 'Show a key.'),
  lock: () => new OptimisticLockError('The optimistic lock on entity SecretTable failed'),
  away: databaseAway,
  sql: () => Object.assign(new Error("select secret from keys where token = 'hunter2'"), { code: '42P01' }),
  bug: () => new TypeError('cannot read hunter2 of undefined'),
  text: () => 'hunter2',
  nothing: () => undefined,
  nest: () => new ForbiddenException('hunter2'),
  status: () => Object.assign(new Error('hunter2'), { statusCode: 404 }),
};

@Controller('api')
class ThrowingController {
  @Get('throw/:what')
  async throwIt(@Param('what') what: string, @Res({ passthrough: true }) reply: FastifyReply) {
    reply.header('etag', '"7"').header('content-disposition', 'attachment');
    throw await THROWN[what]!();
  }

  @Get('code/:code')
  throwCode(@Param('code') code: (typeof ERROR_CODES)[number]) {
    throw new DomainError(code, `About ${code}.`);
  }

  @Post('echo')
  echo(@Body() body: unknown) {
    return { body };
  }

  @Get('broken-stream')
  brokenStream(@Res() reply: FastifyReply) {
    const chunks = (async function* () {
      yield Buffer.alloc(100_000, 'a');
      throw new DomainError('internal', 'The bundle cannot be finished.');
    })();
    reply.header('content-type', 'application/gzip').send(Readable.from(chunks));
  }

  @Get('late')
  async late(@Res() reply: FastifyReply) {
    reply.raw.writeHead(200, { 'content-type': 'text/plain' });
    await new Promise((resolve) => reply.raw.write('half of it', resolve));
    throw new Error('hunter2');
  }
}

@Module({ imports: [ProblemModule], controllers: [ThrowingController] })
class ThrowingModule {}

describe('a problem', () => {
  let app: NestFastifyApplication;
  let origin: string;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [ThrowingModule] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter({ bodyLimit: 1_000, frameworkErrors: sendFrameworkProblem }));
    app.useLogger(false);
    await app.listen(0, '127.0.0.1');
    origin = await app.getUrl();
  });

  afterAll(() => app.close());

  async function answerTo(path: string, init?: RequestInit) {
    const response = await fetch(origin + path, init);
    const text = await response.text();
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(text).not.toMatch(/hunter2|SecretTable|node_modules|\.ts\b/);
    const problem = JSON.parse(text) as ProblemDto;
    expect(problem.status).toBe(response.status);
    expect(problem.type).toBe(`urn:serviceradar:problem:${problem.code}`);
    expect(problem.request_id).not.toBe('');
    return { problem, headers: response.headers };
  }

  const post = (body: string, type = 'application/json') => answerTo('/api/echo', { method: 'POST', body, headers: { 'content-type': type } });

  it.each(ERROR_CODES)('of code %s has the status and title of the table', async (code) => {
    const { problem } = await answerTo(`/api/code/${code}`);
    expect(problem).toMatchObject({ code, ...PROBLEMS[code], detail: `About ${code}.` });
  });

  describe('from a service', () => {
    it('carries the message and the fields, and nothing of the context', async () => {
      const { problem, headers } = await answerTo('/api/throw/domain');
      expect(problem).toEqual({
        type: 'urn:serviceradar:problem:slug_taken',
        title: 'Slug taken',
        status: 409,
        detail: 'The slug "a" is taken.',
        code: 'slug_taken',
        errors: [{ pointer: '/slug', code: 'taken', detail: 'is taken' }],
        request_id: expect.any(String) as string,
      });
      expect([headers.get('etag'), headers.get('content-disposition')]).toEqual([null, null]);
    });

    it('does not send a secret back that was put into the wrong field', async () => {
      const { problem } = await answerTo('/api/throw/secret');
      expect(problem).toMatchObject({
        detail: 'sr_0123456789abcdef_[redacted] is no name.',
        errors: [{ pointer: '/[redacted]', code: 'unknown', detail: 'tls://user:[redacted]@host is not known' }],
      });
    });

    it('says how to authenticate with a 401', async () => {
      expect((await answerTo('/api/throw/unauthenticated')).headers.get('www-authenticate')).toBe('Bearer');
    });

    it('says when to try again with a 429', async () => {
      expect((await answerTo('/api/throw/limited')).headers.get('retry-after')).toBe('7');
    });
  });

  describe('from the database', () => {
    it('is a conflict when somebody else wrote first', async () => {
      expect((await answerTo('/api/throw/lock')).problem.code).toBe('conflict');
    });

    it('is a 503 with Retry-After while it is away', async () => {
      const { problem, headers } = await answerTo('/api/throw/away');
      expect(problem).toMatchObject({ status: 503, code: 'unavailable' });
      expect(headers.get('retry-after')).toBe('2');
    });
  });

  it.each(['sql', 'bug', 'text', 'nothing', 'status'])('that nobody foresaw (%s) is a 500 without details', async (what) => {
    const { problem } = await answerTo(`/api/throw/${what}`);
    expect(problem).toMatchObject({ status: 500, code: 'internal', detail: 'Something went wrong on our side. The request id finds it in the logs.' });
  });

  describe('from the framework', () => {
    it('about what is forbidden keeps its status', async () => {
      expect((await answerTo('/api/throw/nest')).problem).toMatchObject({ status: 403, code: 'forbidden' });
    });

    it.each(['/api/nothing?token=hunter2', '/', '/api'])('about the unknown address %s is a 404', async (path) => {
      expect((await answerTo(path)).problem).toMatchObject({ status: 404, code: 'not_found' });
    });

    it('about an unknown method of a known address is a 404', async () => {
      expect((await answerTo('/api/echo', { method: 'DELETE' })).problem).toMatchObject({ status: 404, code: 'not_found' });
    });

    it('about a malformed path is a 400', async () => {
      expect((await answerTo('/api/%zz')).problem).toMatchObject({ status: 400, code: 'malformed_request' });
    });

    it.each(['{', '{"a":hunter2}', '', '{"__proto__":1}'])('about the JSON %j is a 400', async (body) => {
      expect((await post(body)).problem).toMatchObject({ status: 400, code: 'malformed_request' });
    });

    it('about a body of another type is a 415', async () => {
      expect((await post('a', 'text/hunter2')).problem).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    });

    it('about a body that is too large is a 413', async () => {
      expect((await post(JSON.stringify('a'.repeat(2_000)))).problem).toMatchObject({ status: 413, code: 'too_large' });
    });
  });

  describe('in an answer that has begun', () => {
    it.each(['/api/broken-stream', '/api/late'])('breaks %s off, so that nobody takes it for whole', async (path) => {
      const response = await fetch(origin + path);
      expect(response.status).toBe(200);
      await expect(response.text()).rejects.toThrow('terminated');
      // The next caller is served as ever.
      expect((await answerTo('/api/throw/bug')).problem.status).toBe(500);
    });
  });
});

describe('the table of problems', () => {
  it('has a title of its own for each code', () => {
    const titles = Object.values(PROBLEMS).map(({ title }) => title);
    expect(new Set(titles).size).toBe(ERROR_CODES.length);
  });
});
