import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import { DomainError, type FieldError } from '#libs/kernel';
import { fieldErrors } from './field-errors.js';
import { foreignKeys } from './foreign-keys.js';

/**
 * Turns bodies and queries into their DTOs, and refuses those that don't fit, with every field that is wrong.
 * Fields that the DTO does not have are wrong too.
 *
 * @throws DomainError `validation_failed`
 */
@Injectable()
export class InputValidationPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      stopAtFirstError: false,
      validationError: { target: false, value: true },
      exceptionFactory: (found) => refusal(fieldErrors(found)),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.metatype !== undefined && this.toValidate(metadata)) {
      if (value !== undefined && (typeof value !== 'object' || value === null || Array.isArray(value))) {
        throw refusal([{ pointer: '', code: 'is_object', detail: `the ${metadata.type} must be an object` }]);
      }
      const foreign = foreignKeys(value);
      if (foreign.length > 0) throw refusal(foreign);
    }
    return super.transform(value, metadata) as Promise<unknown>;
  }
}

/** A body of thousands of fields that nobody knows is not answered with as many sentences. */
const MOST_ERRORS = 100;

function refusal(errors: FieldError[]): DomainError {
  const see = errors.length > MOST_ERRORS ? `see errors for the first ${MOST_ERRORS}` : 'see errors';
  const message = errors.length === 1 ? `One field is not valid: ${see}.` : `${errors.length} fields are not valid: ${see}.`;
  return new DomainError('validation_failed', message, { errors: errors.slice(0, MOST_ERRORS) });
}
