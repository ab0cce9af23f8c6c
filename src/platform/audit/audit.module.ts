import { Global, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { fastifyOf } from '../fastify-of.js';
import { Audit } from './audit.js';
import { Refusals } from './refusals.js';

@Global()
@Module({ providers: [Audit, Refusals], exports: [Audit] })
export class AuditModule implements OnModuleInit {
  constructor(
    @Inject(HttpAdapterHost) private readonly http: HttpAdapterHost,
    private readonly refusals: Refusals,
  ) {}

  onModuleInit(): void {
    const server = fastifyOf(this.http);
    if (server) this.refusals.watch(server);
  }
}
