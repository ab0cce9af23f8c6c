import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { KeyScope } from '#libs/contracts';

export interface Described {
  example?: unknown;
  format?: string;
  $ref?: string;
  items?: Described;
  allOf?: Described[];
  additionalProperties?: unknown;
}

export interface Parameter extends Described {
  name: string;
  in?: string;
  schema?: Described;
}

export interface Operation {
  operationId: string;
  summary?: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema?: Described }> };
  security?: unknown[];
  responses: Record<string, unknown>;
  /** The scope that a narrowed key needs. */
  'x-scope'?: KeyScope;
}

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: Record<string, Described> }>; parameters: Record<string, Parameter> };
}

const { load } = createRequire(createRequire(import.meta.url).resolve('@nestjs/swagger'))('js-yaml') as { load: (text: string) => Document };

/** openapi.yaml as it is committed. */
export const readOpenApi = (): Document => load(readFileSync('openapi.yaml', 'utf8'));
