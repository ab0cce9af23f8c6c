import { SetMetadata } from '@nestjs/common';
import type { Action, Subject } from '#libs/contracts';

export const REQUIREMENT = 'requirement';

export interface Requirement {
  action: Action;
  subject: Subject;
}

/** What a caller must be allowed to do for a handler to run. A handler with neither this nor `@Public()` answers nobody. */
export const Authorize = (action: Action, subject: Subject) => SetMetadata(REQUIREMENT, { action, subject });

/** For handlers that need no more than to know who asks. */
export const ANY_CALLER = 'anyCaller';
export const AnyCaller = () => SetMetadata(ANY_CALLER, true);
