import { SetMetadata } from '@nestjs/common';

export const IS_PUBLIC = 'isPublic';

/** For handlers that anybody may call. Every other one needs a caller. */
export const Public = () => SetMetadata(IS_PUBLIC, true);
