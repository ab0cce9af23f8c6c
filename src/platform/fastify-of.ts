import type { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';

/** The HTTP server of the application; undefined for a command, which has the application without one. */
export function fastifyOf(host: HttpAdapterHost): FastifyInstance | undefined {
  const adapter = host.httpAdapter as HttpAdapterHost['httpAdapter'] | null;
  return adapter?.getInstance<FastifyInstance>();
}
