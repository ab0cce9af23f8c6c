import { Global, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { Config } from '../config/index.js';
import { JsonLogger, standardLogger } from './json-logger.js';
import { logRequests } from './request-log.js';

/** Provides the `JsonLogger` (give it to `app.useLogger`), and logs each request. */
@Global()
@Module({
  providers: [{ provide: JsonLogger, useFactory: standardLogger, inject: [Config] }],
  exports: [JsonLogger],
})
export class LoggingModule implements OnModuleInit {
  constructor(
    @Inject(HttpAdapterHost) private readonly http: HttpAdapterHost,
    private readonly logger: JsonLogger,
  ) {}

  onModuleInit(): void {
    // A command has the application without HTTP.
    const adapter = this.http.httpAdapter as HttpAdapterHost['httpAdapter'] | null;
    if (adapter) logRequests(adapter.getInstance<FastifyInstance>(), this.logger);
  }
}
