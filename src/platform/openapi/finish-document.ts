import type { OpenAPIObject } from '@nestjs/swagger';
import { PUBLIC_EXTENSION } from '../auth/public.decorator.js';
import { problemResponse } from '../problem/index.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']> & { [PUBLIC_EXTENSION]?: boolean };

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;

/** Operations that are about all tenants. */
const PLATFORM_TAG = 'Tenants';

const TENANT_HEADER = {
  name: 'X-Tenant',
  in: 'header' as const,
  required: false,
  description: 'The tenant (slug or id) that a platform admin acts in. Implied by the key of a tenant.',
  schema: { type: 'string' },
  example: 'acme',
};

/** Adds what holds for all operations alike, and gives the schemas the names that people use. */
export function finishDocument(document: OpenAPIObject): OpenAPIObject {
  const components = (document.components ??= {});
  components.parameters = { ...components.parameters, Tenant: TENANT_HEADER };
  components.responses = {
    ...components.responses,
    InternalError: problemResponse(500),
    Unavailable: { ...problemResponse(503), headers: { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } } },
  };
  for (const path of Object.values(document.paths)) {
    for (const method of METHODS) {
      const operation = path[method];
      if (operation !== undefined) finishOperation(operation);
    }
  }
  return withoutDtoSuffix(document);
}

function finishOperation(operation: Operation): void {
  if (operation[PUBLIC_EXTENSION]) {
    operation.security = [];
  } else if (!operation.tags?.includes(PLATFORM_TAG)) {
    operation.parameters = [...(operation.parameters ?? []), { $ref: '#/components/parameters/Tenant' }];
  }
  delete operation[PUBLIC_EXTENSION];
  operation.responses['500'] ??= { $ref: '#/components/responses/InternalError' };
  operation.responses['503'] ??= { $ref: '#/components/responses/Unavailable' };
}

/** `EdgeSiteDto` is `EdgeSite` on the wire. */
function withoutDtoSuffix(document: OpenAPIObject): OpenAPIObject {
  const wireName = (name: string) => name.replace(/Dto$/, '');
  const schemas = Object.entries(document.components?.schemas ?? {}).map(([name, schema]) => [wireName(name), schema] as const);
  const names = schemas.map(([name]) => name).sort();
  const twice = names.find((name, at) => name === names[at + 1]);
  if (twice !== undefined) throw new Error(`Two schemas would be named ${twice}.`);
  const renamed = { ...document, components: { ...document.components, schemas: Object.fromEntries(schemas) } };
  const text = JSON.stringify(renamed).replace(
    /"#\/components\/schemas\/([^"]+)"/g,
    (_reference, name: string) => `"#/components/schemas/${wireName(name)}"`,
  );
  return JSON.parse(text) as OpenAPIObject;
}
