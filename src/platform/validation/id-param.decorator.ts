import { Injectable, Param, type PipeTransform } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { DomainError, isId } from '#libs/kernel';

/** What is no id is the id of nothing: it gets the answer of an object that is not there. */
@Injectable()
export class IdPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    if (!isId(value)) throw new DomainError('not_found', 'There is nothing with this id.');
    return value.toLowerCase();
  }
}

/** The id in the path, a UUID. @throws DomainError `not_found` */
export function IdParam(name = 'id'): ParameterDecorator {
  return (target, method, index) => {
    Param(name, IdPipe)(target, method, index);
    const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
    if (method === undefined || descriptor === undefined) return;
    const schema = { type: 'string', format: 'uuid', example: '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70' };
    ApiParam({ name, schema })(target, method, descriptor);
  };
}
