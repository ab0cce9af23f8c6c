import { Global, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
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
    // A command has the application without HTTP.
    const adapter = this.http.httpAdapter as HttpAdapterHost['httpAdapter'] | null;
    if (adapter) this.refusals.watch(adapter.getInstance<FastifyInstance>());
  }
}
