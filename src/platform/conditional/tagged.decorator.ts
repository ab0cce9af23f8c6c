import { ApiExtension } from '@nestjs/swagger';

/** The mark in OpenAPI, until the document is built. */
export const TAGGED_EXTENSION = 'x-tagged';

/** For handlers that answer with an ETag and heed conditions: it documents the headers. */
export const Tagged = () => ApiExtension(TAGGED_EXTENSION, true);
