import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse } from '@nestjs/swagger';
import { ProblemDto } from './problem.dto.js';
import { problemResponse } from './problem-response.js';
import type { ProblemStatus } from './problem-table.js';

/** Documents the errors that an operation answers with. 500 and 503 are documented for all of them. */
export function ApiProblems(...statuses: ProblemStatus[]): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ApiExtraModels(ProblemDto),
    ...statuses.map((status) => ApiResponse({ status, ...problemResponse(status) })),
  );
}
