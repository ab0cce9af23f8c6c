import { Global, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { RateLimits } from './rate-limits.js';
import { RateLimitsSweep } from './rate-limits.sweep.js';

@Global()
@Module({ providers: [RateLimits], exports: [RateLimits] })
export class RateLimitModule implements OnModuleInit {
  constructor(
    @Inject(HttpAdapterHost) private readonly http: HttpAdapterHost,
    private readonly limits: RateLimits,
  ) {}

  onModuleInit(): void {
    // A command has the application without HTTP.
    const adapter = this.http.httpAdapter as HttpAdapterHost['httpAdapter'] | null;
    if (adapter) this.limits.watch(adapter.getInstance<FastifyInstance>());
  }
}

/** What removes old counts: for the role `worker`. */
@Module({ providers: [RateLimitsSweep] })
export class RateLimitSweepModule {}
