import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export interface Described {
  example?: unknown;
  $ref?: string;
  items?: Described;
}

export interface Parameter extends Described {
  name: string;
  schema?: Described;
}

export interface Operation {
  operationId: string;
  summary?: string;
  parameters?: Parameter[];
  responses: Record<string, unknown>;
}

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: Record<string, Described> }>; parameters: Record<string, Parameter> };
}

const { load } = createRequire(createRequire(import.meta.url).resolve('@nestjs/swagger'))('js-yaml') as { load: (text: string) => Document };

/** openapi.yaml as it is committed. */
export const readOpenApi = (): Document => load(readFileSync('openapi.yaml', 'utf8'));
