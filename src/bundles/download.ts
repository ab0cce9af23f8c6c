import { Readable } from 'node:stream';
import { applyDecorators, StreamableFile } from '@nestjs/common';
import { ApiHeader, ApiParam, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError, Secret } from '#libs/kernel';
import { originOf } from '../platform/auth/index.js';
import type { Presented } from './download-tokens.service.js';

/** A bundle on its way. */
export interface PackedDownload {
  fileName: string;
  /** All of it, where it is small and in memory as it is: a stream of it would be a sixth of what the request costs. */
  content: Buffer | Readable;
  /** Bytes; undefined when it is packed as it is sent. */
  length?: number;
}

export const GZIP = 'application/gzip';

/** Where one-time tokens travel: URLs end up in the logs of proxies. */
export const TOKEN_HEADER = 'x-serviceradar-download-token';

/** What a client calls its attempt; a name that it makes up itself, so that nobody who has the token knows it. */
export const ATTEMPT_HEADER = 'x-serviceradar-download-attempt';
const ATTEMPT = /^[A-Za-z0-9_-]{16,64}$/;

/** @throws DomainError `malformed_request` when the attempt has a name that others might guess */
export function presentedBy(request: FastifyRequest): Presented {
  const secretIn = (header: string) => (request.headers[header] ? new Secret(String(request.headers[header])) : undefined);
  const attempt = secretIn(ATTEMPT_HEADER);
  if (attempt !== undefined && !ATTEMPT.test(attempt.reveal())) {
    throw new DomainError('malformed_request', `${ATTEMPT_HEADER} takes 16 to 64 letters, digits, "-" and "_", made at random for each download.`);
  }
  return { token: secretIn(TOKEN_HEADER), attempt, origin: originOf(request) };
}

export const bundleResponse = (status: number) =>
  ApiResponse({ status, description: 'The bundle, a tar.gz.', content: { [GZIP]: { schema: { type: 'string', format: 'binary' } } } });

export const ApiPublicIdParam = () =>
  ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid', example: '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70' } });

/** The headers of a download with a token. */
export const ApiTokenHeaders = (example: string) =>
  applyDecorators(
    ApiHeader({ name: TOKEN_HEADER, required: true, description: 'The token. A wrong, used, expired or foreign one is answered with 404.', example }),
    ApiHeader({
      name: ATTEMPT_HEADER,
      required: false,
      schema: { type: 'string', pattern: ATTEMPT.source },
      description:
        'Random, and the same whenever this download is started over. The token that it has used stays good for it, from the same address, for five minutes and the same bundle.',
      example: '4d5e6f708192a3b4c5d6e7f8091a2b3c',
    }),
  );

export function send({ fileName, length, content }: PackedDownload, reply: FastifyReply): StreamableFile | Buffer {
  const disposition = `attachment; filename="${fileName}"`;
  void reply.header('cache-control', 'no-store');
  if (content instanceof Readable) return new StreamableFile(content, { type: GZIP, length, disposition });
  void reply.headers({ 'content-type': GZIP, 'content-disposition': disposition });
  return content;
}
