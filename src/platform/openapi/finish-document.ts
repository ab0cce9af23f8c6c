import type { OpenAPIObject } from '@nestjs/swagger';
import { PUBLIC_EXTENSION } from '../auth/public.decorator.js';
import { PROBLEM_RESPONSE_NAMES, PROBLEM_STATUSES, problemResponse, type ProblemStatus } from '../problem/index.js';
import { describeHeaders, HEADER_PARAMETERS, type Marked } from './headers.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']> & Marked & { [PUBLIC_EXTENSION]?: boolean };
type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;

/** Operations that may be called as often as anybody likes. */
const UNLIMITED_TAG = 'Health';

/** Operations that are about all tenants. */
const PLATFORM_TAG = 'Tenants';

const TENANT_HEADER = {
  name: 'X-Tenant',
  in: 'header' as const,
  required: false,
  description: 'The tenant (slug or id) that a platform admin acts in, or a person of several. Implied by the key or access token of one tenant.',
  schema: { type: 'string' },
  example: 'acme',
};

const TENANT_PARAMETER = { $ref: '#/components/parameters/Tenant' };

const SUCCESS: Record<string, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'Done' };

/** Adds what holds for all operations alike, and gives the schemas the names that people use. */
export function finishDocument({ openapi, info, servers, security, tags, paths, components }: OpenAPIObject): OpenAPIObject {
  for (const path of Object.values(paths)) for (const method of METHODS) if (path[method]) finishOperation(path[method], method);
  const operations = Object.values(paths).flatMap((path) => METHODS.flatMap((method) => path[method] ?? []));
  const used = new Set(operations.flatMap(({ responses }) => Object.values(responses).flatMap((one) => (one && '$ref' in one ? one.$ref : []))));
  const responses = PROBLEM_STATUSES.filter((status) => used.has(problemReference(status).$ref)).map(
    (status) => [PROBLEM_RESPONSE_NAMES[status], problemResponse(status)] as const,
  );
  const finished = {
    ...{ openapi, info, ...(servers && { servers }), ...(security && { security }), ...(tags && { tags }), paths },
    components: {
      ...components,
      parameters: usedBy(operations, { Tenant: TENANT_HEADER, ...HEADER_PARAMETERS }),
      responses: Object.fromEntries(responses),
      schemas: finishSchemas(components?.schemas ?? {}),
    },
  };
  // The references are all over the document; in its text they are easy to find.
  const text = JSON.stringify(finished).replace(
    /"#\/components\/schemas\/([^"]+)"/g,
    (_reference, name: string) => `"#/components/schemas/${wireName(name)}"`,
  );
  return JSON.parse(text) as OpenAPIObject;
}

/** Those of the shared parameters that some operation refers to. */
function usedBy<Shared extends object>(operations: readonly Operation[], shared: Shared): Partial<Shared> {
  const used = new Set(operations.flatMap(({ parameters = [] }) => parameters.flatMap((one) => ('$ref' in one ? one.$ref : []))));
  return Object.fromEntries(Object.entries(shared).filter(([name]) => used.has(`#/components/parameters/${name}`))) as Partial<Shared>;
}

const problemReference = (status: (typeof PROBLEM_STATUSES)[number]) => ({
  $ref: `#/components/responses/${PROBLEM_RESPONSE_NAMES[status]}`,
});

function finishOperation(operation: Operation, method: (typeof METHODS)[number]): void {
  const parameters = (operation.parameters ??= []);
  if (operation[PUBLIC_EXTENSION]) {
    operation.security = [];
  } else if (!operation.tags?.includes(PLATFORM_TAG)) {
    parameters.push(TENANT_PARAMETER);
  }
  delete operation[PUBLIC_EXTENSION];
  const around = [...problemsAround(operation), ...describeHeaders(operation, method)];
  if (parameters.length === 0) delete operation.parameters;

  const { responses } = operation;
  for (const [status, response] of Object.entries(responses)) {
    if (response && 'description' in response) response.description ||= SUCCESS[status] ?? '';
  }
  for (const status of PROBLEM_STATUSES) {
    const response = responses[status];
    const isProblem = response !== undefined && 'content' in response && 'application/problem+json' in (response.content ?? {});
    if (isProblem || (response === undefined && around.includes(status))) responses[status] = problemReference(status);
  }
}

/** What may be answered before a handler runs: to a URL or a body that is not taken, to a tenant that is not named or not there, and always. */
function problemsAround({ parameters, requestBody, responses, security, tags }: Operation): ProblemStatus[] {
  const statuses: ProblemStatus[] = [500, 503];
  if (!tags?.includes(UNLIMITED_TAG)) statuses.push(429);
  if (requestBody) statuses.push(400, 413, 415);
  // A NUL may stand in no URL.
  if (parameters?.some((parameter) => 'in' in parameter && parameter.in !== 'header')) statuses.push(400);
  // Wherever it stands, the header may name a tenant that is not there.
  if (security?.length !== 0) statuses.push(404);
  // An operation that is forbidden to nobody needs no permission, and so no tenant to have it in.
  if (parameters?.includes(TENANT_PARAMETER) && responses[403]) statuses.push(400);
  return statuses;
}

/** `EdgeSiteDto` is `EdgeSite` on the wire. */
const wireName = (name: string) => name.replace(/Dto$/, '');

function finishSchemas(schemas: Schemas): Schemas {
  const finished: Schemas = {};
  for (const [name, schema] of Object.entries(schemas)) {
    if (finished[wireName(name)] !== undefined) throw new Error(`Two schemas would be named ${wireName(name)}.`);
    if ('properties' in schema) nameFormats(schema.properties ?? {});
    finished[wireName(name)] = schema;
  }
  return finished;
}

/** What the types don't say: `…_at` is a time (RFC 3339), and a number whose example is whole is an integer. */
function nameFormats(properties: Schemas): void {
  for (const [name, schema] of Object.entries(properties)) {
    if (!('type' in schema)) continue;
    if (schema.type === 'string' && name.endsWith('_at')) schema.format ??= 'date-time';
    if (schema.type === 'number' && Number.isInteger(schema.example)) schema.type = 'integer';
  }
}
