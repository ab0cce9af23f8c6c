import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';
import { ApiHeader, ApiParam, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

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

export const bundleResponse = (status: number) =>
  ApiResponse({ status, description: 'The bundle, a tar.gz.', content: { [GZIP]: { schema: { type: 'string', format: 'binary' } } } });

export const ApiPublicIdParam = () =>
  ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid', example: '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e70' } });

export const ApiTokenHeader = (example: string) =>
  ApiHeader({ name: TOKEN_HEADER, required: true, description: 'The token. A wrong, used, expired or foreign one is answered with 404.', example });

export function send({ fileName, length, content }: PackedDownload, reply: FastifyReply): StreamableFile | Buffer {
  const disposition = `attachment; filename="${fileName}"`;
  void reply.header('cache-control', 'no-store');
  if (content instanceof Readable) return new StreamableFile(content, { type: GZIP, length, disposition });
  void reply.headers({ 'content-type': GZIP, 'content-disposition': disposition });
  return content;
}
