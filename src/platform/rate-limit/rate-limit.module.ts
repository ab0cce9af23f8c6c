import { Global, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { fastifyOf } from '../fastify-of.js';
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
    const server = fastifyOf(this.http);
    if (server) this.limits.watch(server);
  }
}

/** What removes old counts: for the role `worker`. */
@Module({ providers: [RateLimitsSweep] })
export class RateLimitSweepModule {}
