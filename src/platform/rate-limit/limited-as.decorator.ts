import { SetMetadata } from '@nestjs/common';
import type { Policy } from './rate-limits.js';

export const LIMITED_AS = 'limitedAs';

/** For handlers that anybody may call, and that count by a limit of their own besides that of all calls from an address. */
export const LimitedAs = (policy: Policy) => SetMetadata(LIMITED_AS, policy);
