import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';

export const IS_PUBLIC = 'isPublic';

/** The mark in OpenAPI, until the document is built. */
export const PUBLIC_EXTENSION = 'x-public';

/** For handlers that anybody may call. Every other one needs a caller. */
export const Public = () => applyDecorators(SetMetadata(IS_PUBLIC, true), ApiExtension(PUBLIC_EXTENSION, true));
