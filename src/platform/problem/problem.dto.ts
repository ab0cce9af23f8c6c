import { ApiProperty } from '@nestjs/swagger';
import { ERROR_CODES, type ErrorCode } from '#libs/contracts';
import type { FieldError } from '#libs/kernel';

/** One field that was refused. */
export class FieldErrorDto implements FieldError {
  @ApiProperty({ description: 'JSON pointer (RFC 6901) into the body or query.', example: '/name' })
  pointer!: string;

  @ApiProperty({ description: 'What rule it breaks, for programs.', example: 'is_display_name' })
  code!: string;

  @ApiProperty({ description: 'What is wrong, for people.', example: 'name must be 1 to 200 printable characters' })
  detail!: string;
}

/** An error, as RFC 9457 describes it. */
export class ProblemDto {
  @ApiProperty({ description: 'A stable URN of the code.', example: 'urn:serviceradar:problem:not_found' })
  type!: string;

  @ApiProperty({ description: 'What the code means; the same each time.', example: 'Not found' })
  title!: string;

  @ApiProperty({ type: 'integer', description: 'The HTTP status.', example: 404 })
  status!: number;

  @ApiProperty({ description: 'What happened this time, and what to do about it.', example: 'There is no such edge site.' })
  detail!: string;

  @ApiProperty({ enum: ERROR_CODES, enumName: 'ErrorCode', description: 'For programs.', example: 'not_found' })
  code!: ErrorCode;

  @ApiProperty({
    type: [FieldErrorDto],
    required: false,
    description: 'Every field that was refused, all at once.',
    example: [{ pointer: '/name', code: 'is_display_name', detail: 'name must be 1 to 200 printable characters' }],
  })
  errors?: FieldError[];

  @ApiProperty({
    description: 'The same as in the header X-Request-Id; finds the call in the logs.',
    example: '0b5f9a5e-3c1d-4c57-9a43-7f1f3a4f7d0e',
  })
  request_id!: string;
}
