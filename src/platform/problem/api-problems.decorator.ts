import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ERROR_CODES, type ErrorCode } from '#libs/contracts';
import { ProblemDto } from './problem.dto.js';
import { PROBLEMS, type ProblemStatus } from './problem-table.js';

/** Documents the errors that an operation answers with. 500 and 503 are documented for all of them. */
export function ApiProblems(...statuses: ProblemStatus[]): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ApiExtraModels(ProblemDto),
    ...statuses.map((status) => ApiResponse({ status, ...problemResponse(status) })),
  );
}

/** The OpenAPI response object of the problems of a status. */
export function problemResponse(status: ProblemStatus) {
  const codes = ERROR_CODES.filter((code) => PROBLEMS[code].status === status && !STARTUP_ONLY.has(code));
  return {
    description: codes.map((code) => `${PROBLEMS[code].title} (\`${code}\`)`).join(', '),
    content: { 'application/problem+json': { schema: { $ref: getSchemaPath(ProblemDto) } } },
  };
}

/** Stops the process before it serves anything. */
const STARTUP_ONLY: ReadonlySet<ErrorCode> = new Set(['invalid_configuration']);
