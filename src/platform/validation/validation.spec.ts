import { Body, Controller, Get, Module, Post, Query } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsInt, IsOptional, ValidateNested } from 'class-validator';
import { PageQuery } from '../paging/index.js';
import type { ProblemDto } from '../problem/index.js';
import { ProblemModule } from '../problem/index.js';
import {
  IdParam,
  IsDisplayName,
  IsHost,
  IsLabels,
  IsListenAddress,
  IsNatsUrl,
  IsSlug,
  MayBeAbsent,
  ValidationModule,
} from './index.js';

class PortDto {
  @IsInt()
  port!: number;
}

class SiteDto {
  @IsDisplayName()
  name!: string;

  @IsOptional()
  @IsSlug()
  slug?: string | null;

  @MayBeAbsent()
  @IsNatsUrl()
  url?: string;

  @MayBeAbsent()
  @IsListenAddress()
  listen?: string;

  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(2)
  @IsHost({ each: true })
  hosts?: string[];

  @MayBeAbsent()
  @IsLabels()
  labels?: Record<string, string>;

  @MayBeAbsent()
  @ValidateNested({ each: true })
  @Type(() => PortDto)
  ports?: PortDto[];
}

@Controller()
class SitesController {
  @Post('sites')
  create(@Body() body: SiteDto) {
    return { isInstance: body instanceof SiteDto, body };
  }

  @Get('sites')
  list(@Query() query: PageQuery) {
    return { limit: query.limit };
  }

  @Get('sites/:id')
  get(@IdParam() id: string) {
    return { id };
  }
}

@Module({ imports: [ProblemModule, ValidationModule], controllers: [SitesController] })
class SitesModule {}

describe('validation', () => {
  let app: NestFastifyApplication;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [SitesModule] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    await app.init();
  });

  afterAll(() => app.close());

  const post = (payload: string | object) =>
    app.inject({
      method: 'POST',
      url: '/sites',
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      headers: { 'content-type': 'application/json' },
    });

  /** `pointer code` of each refused field. */
  async function refused(payload: string | object): Promise<string[]> {
    const answer = await post(payload);
    if (answer.statusCode === 201) return [];
    expect(answer.statusCode).toBe(422);
    const problem = answer.json<ProblemDto>();
    expect(problem.code).toBe('validation_failed');
    return problem.errors!.map(({ pointer, code }) => `${pointer} ${code}`);
  }

  describe('of a body that fits', () => {
    it('hands over an instance of the DTO', async () => {
      const body = { name: 'New York', labels: { 'acme.example/line': '3' }, ports: [{ port: 1 }] };
      expect((await post(body)).json()).toEqual({ isInstance: true, body });
    });
  });

  describe('of a body that does not fit', () => {
    it('lists every field that is wrong, unknown ones among them', async () => {
      expect(await refused({ slug: 'A', url: 1, 'b/c~d': 2, hosts: ['a', '-', 'c'], ports: [{ port: 1 }, { port: 'x', extra: 1 }] })).toEqual(
        expect.arrayContaining([
          '/name required',
          '/slug is_slug',
          '/url is_nats_url',
          '/b~1c~0d unknown_field',
          '/hosts array_max_size',
          '/hosts is_host',
          '/ports/1/port is_int',
          '/ports/1/extra unknown_field',
        ]),
      );
    });

    it('says it in sentences that name the field', async () => {
      const problem = (await post({ name: '', slug: '-' })).json<ProblemDto>();
      expect(problem.detail).toBe('2 fields are not valid: see errors.');
      expect(problem.errors!.map(({ detail }) => detail)).toEqual([
        'name must be 1 to 200 characters, at least one of them visible, none of them a control or text direction character',
        'slug must be 1 to 63 of a-z, 0-9 and inner hyphens',
      ]);
    });

    it.each(['[]', '[{"name":"a"}]', 'null', '"text"', '7', 'true'])('refuses %s, which is no object', async (payload) => {
      expect(await refused(payload)).toEqual([' is_object']);
    });

    it('takes no body for an empty one', async () => {
      const answer = await app.inject({ method: 'POST', url: '/sites' });
      expect(answer.json<ProblemDto>().errors).toEqual([{ pointer: '/name', code: 'required', detail: 'name is required' }]);
    });
  });

  describe('of keys that objects inherit', () => {
    it.each(['constructor', 'hasOwnProperty', 'isPrototypeOf', 'toString', '__defineGetter__'])('refuses %s', async (key) => {
      expect(await refused(`{"name":"a","${key}":1}`)).toEqual([`/${key} unknown_field`]);
      expect(await refused(`{"name":"a","labels":{"${key}":"x"}}`)).toEqual([`/labels/${key} unknown_field`]);
      expect(await refused(`{"name":"a","ports":[{"port":1,"${key}":1}]}`)).toEqual([`/ports/0/${key} unknown_field`]);
    });

    it.each(['{"name":"a","__proto__":{"slug":"x"}}', '{"name":"a","constructor":{"prototype":{"x":1}}}'])(
      'refuses %s before it is an object',
      async (payload) => {
        expect((await post(payload)).json()).toMatchObject({ status: 400, code: 'malformed_request' });
      },
    );

    it('refuses them in queries too', async () => {
      const answer = await app.inject('/sites?constructor=1&hasOwnProperty=2');
      expect(answer.json<ProblemDto>().errors!.map(({ pointer }) => pointer)).toEqual(['/constructor', '/hasOwnProperty']);
    });

    it('names the first hundred of thousands, and says how many there are', async () => {
      const unknown = Object.fromEntries(Array.from({ length: 3_000 }, (_, at) => [`field_${at}`, 1]));
      const problem = (await post({ name: 'a', ...unknown })).json<ProblemDto>();
      expect([problem.errors!.length, problem.detail]).toEqual([100, '3000 fields are not valid: see errors for the first 100.']);
    });

    it('answers 200,000 levels of nesting like any other bad input', async () => {
      const levels = 200_000;
      expect(await refused(`{"name":${'['.repeat(levels)}${']'.repeat(levels)}}`)).toEqual([expect.stringMatching(/ too_deep$/)]);
    });
  });

  describe('of fields that may be left out', () => {
    it('takes null only where null means something', async () => {
      expect(await refused({ name: 'a', slug: null })).toEqual([]);
      expect(await refused({ name: 'a', labels: null, url: null })).toEqual(['/url is_nats_url', '/labels is_labels']);
    });
  });

  describe('of a query', () => {
    it('turns numbers into numbers and fills in defaults', async () => {
      expect((await app.inject('/sites?limit=7')).json()).toEqual({ limit: 7 });
      expect((await app.inject('/sites')).json()).toEqual({ limit: 50 });
    });

    it.each(['limit=0', 'limit=x', 'limit=1&limit=2', 'cursor=x', 'offset=3'])('refuses ?%s', async (query) => {
      const answer = await app.inject(`/sites?${query}`);
      expect(answer.statusCode).toBe(422);
      expect(answer.json<ProblemDto>().errors![0]!.pointer).toBe(`/${query.split('=')[0]}`);
    });
  });

  describe('of an id in the path', () => {
    it('takes a UUID in either case for the same', async () => {
      const id = '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f';
      expect((await app.inject(`/sites/${id.toUpperCase()}`)).json()).toEqual({ id });
    });

    it.each(['1', 'new-york', "'%20or%201=1", '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f0', '%00'])('finds nothing under %s', async (id) => {
      expect((await app.inject(`/sites/${id}`)).json()).toMatchObject({ status: 404, code: 'not_found' });
    });
  });
});
