import { getSchemaPath } from '@nestjs/swagger';
import { ERROR_CODES, type ErrorCode } from '#libs/contracts';
import { ProblemDto } from './problem.dto.js';
import { PROBLEMS, type ProblemStatus, problemType } from './problem-table.js';

/** The names of the responses in OpenAPI's components. */
export const PROBLEM_RESPONSE_NAMES: Record<ProblemStatus, string> = {
  400: 'BadRequest',
  401: 'Unauthenticated',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  412: 'Stale',
  413: 'TooLarge',
  415: 'UnsupportedMediaType',
  422: 'ValidationFailed',
  429: 'RateLimited',
  500: 'InternalError',
  503: 'Unavailable',
};

/** Stops the process before it serves anything. */
const STARTUP_ONLY: ReadonlySet<ErrorCode> = new Set(['invalid_configuration']);

const RETRY_AFTER = { 'Retry-After': { description: 'Seconds to wait before the next try.', schema: { type: 'integer' as const, example: 2 } } };

/** As draft-ietf-httpapi-ratelimit-headers has them. */
const RATE_LIMIT = {
  'RateLimit-Policy': { description: 'The limit: calls (`q`) in so many seconds (`w`).', schema: { type: 'string' as const, example: '"key";q=6000;w=60' } },
  RateLimit: { description: 'What is left of it (`r`), and after how many seconds it begins anew (`t`).', schema: { type: 'string' as const, example: '"key";r=0;t=12' } },
};

/** The OpenAPI response object of the problems of a status, with an example for each code. */
export function problemResponse(status: ProblemStatus) {
  const codes = ERROR_CODES.filter((code) => PROBLEMS[code].status === status && !STARTUP_ONLY.has(code));
  const examples = codes.map((code) => [code, { summary: PROBLEMS[code].title, value: exampleOf(code) }] as const);
  return {
    description: codes.map((code) => `${PROBLEMS[code].title} (\`${code}\`)`).join(', '),
    ...((status === 429 || status === 503) && { headers: { ...RETRY_AFTER, ...(status === 429 && RATE_LIMIT) } }),
    content: {
      'application/problem+json': { schema: { $ref: getSchemaPath(ProblemDto) }, examples: Object.fromEntries(examples) },
    },
  };
}

function exampleOf(code: ErrorCode): ProblemDto {
  const detail = 'name must be 1 to 200 characters, at least one of them visible, none of them a control or text direction character';
  return {
    type: problemType(code),
    ...PROBLEMS[code],
    detail: 'What happened this time, and what to do about it.',
    code,
    ...(code === 'validation_failed' && { errors: [{ pointer: '/name', code: 'is_display_name', detail }] }),
    request_id: '0b5f9a5e-3c1d-4c57-9a43-7f1f3a4f7d0e',
  };
}
