import type { OpenAPIObject } from '@nestjs/swagger';
import { TAGGED_EXTENSION } from '../conditional/index.js';
import { IDEMPOTENT_EXTENSION } from '../idempotency/index.js';
import type { ProblemStatus } from '../problem/index.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** What the decorators of a handler leave in the document until it is finished. */
export interface Marked {
  [IDEMPOTENT_EXTENSION]?: boolean;
  [TAGGED_EXTENSION]?: boolean;
}

const header = (name: string, description: string, example: string) => ({
  name,
  in: 'header' as const,
  required: false,
  description,
  schema: { type: 'string' as const },
  example,
});

/** Parameters that many operations share, by their names in the document's components. */
export const HEADER_PARAMETERS = {
  IdempotencyKey: {
    ...header(
      'Idempotency-Key',
      'Makes the call safe to repeat: for 24 hours, the same key with the same body is done once and answered the same each time. Any printable ' +
        'text that is new, a UUID for example. With another body it is answered with 422; while the first call is being done, with 409.',
      '0b5f9a5e-3c1d-4c57-9a43-7f1f3a4f7d0e',
    ),
    schema: { type: 'string' as const, minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]+$' },
  },
  IfMatch: header('If-Match', 'The ETag of what the caller has seen. If it was changed since, nothing is done: 412.', '"3-Zm9vYmFyYmF6cXV4"'),
  IfNoneMatch: header('If-None-Match', 'The ETag of what the caller has. If it is still that, the answer is 304 without a body.', '"3-Zm9vYmFyYmF6cXV4"'),
};

const parameter = (name: keyof typeof HEADER_PARAMETERS) => ({ $ref: `#/components/parameters/${name}` });

const REPLAYED = {
  'Idempotent-Replayed': {
    description: 'Set when this was done before, and the answer is that of then.',
    schema: { type: 'string' as const, enum: ['true'] },
    example: 'true',
  },
};

const ETAG = {
  ETag: {
    description: 'What was answered. It changes whenever that does; as a precondition (If-Match), it stays good when only a status has changed.',
    schema: { type: 'string' as const },
    example: '"3-Zm9vYmFyYmF6cXV4"',
  },
};

/**
 * Describes the headers that a handler is marked to heed and to answer with.
 * @returns the problems that come with them
 */
export function describeHeaders(operation: Operation & Marked, method: string): ProblemStatus[] {
  const { [IDEMPOTENT_EXTENSION]: isIdempotent, [TAGGED_EXTENSION]: isTagged, parameters = [], responses } = operation;
  delete operation[IDEMPOTENT_EXTENSION];
  delete operation[TAGGED_EXTENSION];
  const success = ['200', '201', '202'].map((status) => responses[status]).find((response) => response !== undefined);
  const answerWith = (headers: object) => success && Object.assign(success, { headers: { ...('headers' in success && success.headers), ...headers } });
  if (isIdempotent) {
    parameters.push(parameter('IdempotencyKey'));
    answerWith(REPLAYED);
    return [409, 422];
  }
  if (!isTagged) return [];
  answerWith(ETAG);
  parameters.push(parameter(method === 'get' ? 'IfNoneMatch' : 'IfMatch'));
  if (method !== 'get') return [400, 412];
  responses['304'] = { description: 'The caller has it already.', headers: ETAG };
  return [];
}
