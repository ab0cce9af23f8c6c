import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { fastifyOf } from '../fastify-of.js';
import { Metrics } from './metrics.js';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What operations are called by; what else Node's parser takes is one value. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Tells how long requests take, by the template of their route: a path has ids in it, and whatever somebody makes up. */
@Injectable()
export class HttpMetrics implements OnModuleInit {
  constructor(
    @Inject(HttpAdapterHost) private readonly http: HttpAdapterHost,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    const server = fastifyOf(this.http);
    if (server === undefined) return;
    const help = 'How long requests took, until their answer was sent or broken off; the route "none" is no operation.';
    const durations = this.metrics.histogram('http_request_duration_seconds', help, ['method', 'route', 'status'], BUCKETS);
    server.addHook('onRequest', (request, reply, next) => {
      const start = process.hrtime.bigint();
      reply.raw.once('close', () => {
        const method = METHODS.has(request.method) ? request.method : 'other';
        const labels = { method, route: request.routeOptions.url ?? 'none', status: `${Math.floor(reply.statusCode / 100)}xx` };
        durations.observe(labels, Number(process.hrtime.bigint() - start) / 1e9);
      });
      next();
    });
  }
}
