import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { Action, Subject } from '#libs/contracts';
import { KEY_SCOPES, scopeOf } from '#libs/policy';

export const REQUIREMENT = 'requirement';

export interface Requirement {
  action: Action;
  subject: Subject;
}

/** In OpenAPI, the scope that a narrowed key needs for an operation. What keys of platform admins only may do has none: they have no scopes. */
const SCOPE_EXTENSION = 'x-scope';

/** What a caller must be allowed to do for a handler to run. A handler with neither this nor `@Public()` answers nobody. */
export const Authorize = (action: Action, subject: Subject) => {
  const scope = scopeOf(action, subject);
  const named = KEY_SCOPES.includes(scope) ? [ApiExtension(SCOPE_EXTENSION, scope)] : [];
  return applyDecorators(SetMetadata(REQUIREMENT, { action, subject } satisfies Requirement), ...named);
};

/** For handlers that need no more than to know who asks. */
export const ANY_CALLER = 'anyCaller';
export const AnyCaller = () => SetMetadata(ANY_CALLER, true);
