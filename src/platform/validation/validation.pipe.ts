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

function refusal(errors: FieldError[]): DomainError {
  const message = errors.length === 1 ? 'One field is not valid: see errors.' : `${errors.length} fields are not valid: see errors.`;
  return new DomainError('validation_failed', message, { errors });
}
