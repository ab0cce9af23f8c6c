import { Body, Controller, Get, Module, Patch, Post, Query } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiCreatedResponse, ApiExtension, ApiOperation, ApiProperty, ApiTags, type OpenAPIObject } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import { Public } from '../auth/public.decorator.js';
import { Tagged } from '../conditional/index.js';
import { IDEMPOTENT_EXTENSION } from '../idempotency/index.js';
import { ApiPage, PageQuery } from '../paging/index.js';
import { ApiProblems } from '../problem/index.js';
import { IdParam, IsDisplayName, IsHost, IsLabels, IsSlug } from '../validation/index.js';
import { serveOpenApi } from './index.js';

class CreateSiteDto {
  @IsDisplayName()
  name!: string;

  @ApiProperty({ required: false })
  @IsSlug()
  slug?: string | null;

  @IsHost({ each: true })
  hosts!: string[];

  @IsLabels()
  labels!: Record<string, string>;
}

class SiteDto {
  @ApiProperty()
  id!: string;

  @ApiProperty()
  created_at!: string;

  @ApiProperty({ example: 2 })
  generation!: number;

  @ApiProperty({ example: 0.5 })
  load!: number;
}

@ApiTags('Edge sites')
@Controller('sites')
class SitesController {
  @Post()
  @ApiOperation({ operationId: 'createSite', summary: 'Create' })
  @ApiCreatedResponse({ type: SiteDto })
  @ApiProblems(403, 409, 422)
  create(@Body() _body: CreateSiteDto): void {}

  @Get()
  @ApiPage(SiteDto)
  list(@Query() _query: PageQuery) {
    return { data: [], next_cursor: null };
  }

  @Get(':id')
  @ApiProblems(403)
  get(@IdParam() _id: string): void {}

  @Get('open/door')
  @Public()
  open(): void {}
}

@ApiTags('Widgets')
@Controller('widgets')
class WidgetsController {
  @Post()
  @ApiExtension(IDEMPOTENT_EXTENSION, true)
  @ApiCreatedResponse({ type: SiteDto })
  create(): void {}

  @Get(':id')
  @Tagged()
  get(@IdParam() _id: string): void {}

  @Patch(':id')
  @Tagged()
  change(@IdParam() _id: string): void {}
}

@ApiTags('Tenants')
@Controller('tenants')
class TenantsController {
  @Get()
  list(): void {}
}

@Module({ controllers: [SitesController, TenantsController, WidgetsController] })
class SitesModule {}

describe('the OpenAPI document', () => {
  let app: NestFastifyApplication;
  let document: OpenAPIObject;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [SitesModule] }).compile();
    app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    app.setGlobalPrefix('api');
    serveOpenApi(app);
    await app.init();
    document = (await app.inject('/api/openapi.json')).json();
  });

  afterAll(() => app.close());

  const operation = (method: 'get' | 'patch' | 'post', path: string) => document.paths[path]![method]!;
  const parameters = (path: string) => operation('get', path).parameters ?? [];

  it('is shown at /api/docs', async () => {
    const answer = await app.inject('/api/docs');
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('ServiceRadar Edge API');
  });

  it('says that every operation needs a key, except public ones', () => {
    expect(document.security).toEqual([{ bearer: [] }]);
    expect(operation('post', '/api/sites').security).toBeUndefined();
    expect(operation('get', '/api/sites/open/door').security).toEqual([]);
    expect(JSON.stringify(document)).not.toContain('x-public');
  });

  it('has X-Tenant on what happens inside of a tenant', () => {
    const tenant = { $ref: '#/components/parameters/Tenant' };
    expect(parameters('/api/sites')).toContainEqual(tenant);
    expect(parameters('/api/tenants')).not.toContainEqual(tenant);
    expect(parameters('/api/sites/open/door')).not.toContainEqual(tenant);
  });

  it('has the problems of each operation, and those that any may answer with', () => {
    const { responses } = operation('post', '/api/sites');
    expect(Object.keys(responses)).toEqual(['201', '400', '403', '404', '409', '413', '415', '422', '429', '500', '503']);
    expect(responses['422']).toEqual({ $ref: '#/components/responses/ValidationFailed' });
    expect(document.components!.responses!.ValidationFailed).toMatchObject({
      description: expect.stringContaining('Validation failed (`validation_failed`)') as string,
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    });
  });

  it('has what a tenant that is not there is answered, and one that is not named where one is asked for', () => {
    const statuses = (path: string) => Object.keys(operation('get', path).responses);
    expect(statuses('/api/sites/{id}')).toEqual(['400', '403', '404', '429', '500', '503']);
    expect(statuses('/api/sites')).toEqual(['200', '400', '404', '429', '500', '503']);
    expect(statuses('/api/tenants')).toEqual(['200', '404', '429', '500', '503']);
    expect(statuses('/api/sites/open/door')).toEqual(['200', '429', '500', '503']);
  });

  it('has what a URL with a NUL is answered, where path or query are read', () => {
    expect(document.paths['/api/sites']!.get!.responses).toHaveProperty('400');
    expect(document.paths['/api/tenants']!.get!.responses).not.toHaveProperty('400');
  });

  it('has the key of a call that may be repeated, and what a repeated one is answered', () => {
    const { parameters, responses } = operation('post', '/api/widgets');
    expect(parameters).toContainEqual({ $ref: '#/components/parameters/IdempotencyKey' });
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['409', '422']));
    expect(responses['201']).toHaveProperty('headers.Idempotent-Replayed');
  });

  it('has the conditions of what is tagged, and what is answered when they do not hold', () => {
    const [read, change] = [operation('get', '/api/widgets/{id}'), operation('patch', '/api/widgets/{id}')];
    expect(read.parameters).toContainEqual({ $ref: '#/components/parameters/IfNoneMatch' });
    expect(change.parameters).toContainEqual({ $ref: '#/components/parameters/IfMatch' });
    expect([Object.keys(read.responses), Object.keys(change.responses)]).toEqual([expect.arrayContaining(['304']), expect.arrayContaining(['412'])]);
    for (const { responses } of [read, change]) expect(responses['200']).toHaveProperty('headers.ETag');
    expect(JSON.stringify(document)).not.toMatch(/x-idempotent|x-tagged/);
  });

  it('defines the answers that are used, and no others', () => {
    expect(Object.keys(document.components!.responses!)).toEqual(
      ['BadRequest', 'Forbidden', 'NotFound', 'Conflict', 'Stale', 'TooLarge', 'UnsupportedMediaType', 'ValidationFailed', 'RateLimited', 'InternalError', 'Unavailable'],
    );
  });

  it('knows times by their names and integers by their examples', () => {
    expect(document.components!.schemas!.Site).toMatchObject({
      properties: {
        id: { type: 'string' },
        created_at: { type: 'string', format: 'date-time' },
        generation: { type: 'integer' },
        load: { type: 'number' },
      },
    });
  });

  it('names operations as they say, or after controller and method', () => {
    expect(operation('post', '/api/sites').operationId).toBe('createSite');
    expect(operation('get', '/api/sites').operationId).toBe('sitesList');
  });

  it('names schemas without Dto, and refers to them so', () => {
    expect(Object.keys(document.components!.schemas!).sort()).toEqual(['CreateSite', 'ErrorCode', 'FieldError', 'Problem', 'Site', 'SitePage']);
    expect(JSON.stringify(document)).not.toMatch(/Dto"/);
  });

  it('describes a page', () => {
    expect(document.components!.schemas!.SitePage).toMatchObject({
      required: ['data', 'next_cursor'],
      properties: {
        data: { type: 'array', items: { $ref: '#/components/schemas/Site' } },
        next_cursor: { type: 'string', nullable: true },
      },
    });
  });

  it('describes an id in the path as a UUID', () => {
    expect(parameters('/api/sites/{id}')).toContainEqual(
      expect.objectContaining({ name: 'id', in: 'path', required: true, schema: expect.objectContaining({ type: 'string', format: 'uuid' }) }),
    );
    expect(parameters('/api/sites/{id}').filter((one) => 'name' in one && one.name === 'id')).toHaveLength(1);
  });

  it('describes fields by the rules that check them', () => {
    expect(document.components!.schemas!.CreateSite).toEqual({
      type: 'object',
      required: ['name', 'hosts', 'labels'],
      properties: {
        name: { type: 'string', minLength: 1, maxLength: 200 },
        slug: { type: 'string', maxLength: 63, pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$' },
        hosts: { type: 'array', items: { type: 'string', maxLength: 253 } },
        labels: {
          type: 'object',
          maxProperties: 32,
          additionalProperties: { type: 'string', minLength: 1, maxLength: 200 },
        },
      },
    });
  });
});
