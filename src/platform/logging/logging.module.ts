import { Global, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Config } from '../config/index.js';
import { fastifyOf } from '../fastify-of.js';
import { Tracing, TracingModule } from '../tracing/index.js';
import { JsonLogger, standardLogger } from './json-logger.js';
import { logRequests } from './request-log.js';

/** Provides the `JsonLogger` (give it to `app.useLogger`), and logs each request. */
@Global()
@Module({
  imports: [TracingModule],
  providers: [{ provide: JsonLogger, useFactory: standardLogger, inject: [Config] }],
  exports: [JsonLogger],
})
export class LoggingModule implements OnModuleInit {
  constructor(
    @Inject(HttpAdapterHost) private readonly http: HttpAdapterHost,
    private readonly logger: JsonLogger,
    private readonly tracing: Tracing,
  ) {}

  onModuleInit(): void {
    const server = fastifyOf(this.http);
    if (server) logRequests(server, this.logger, this.tracing);
  }
}
