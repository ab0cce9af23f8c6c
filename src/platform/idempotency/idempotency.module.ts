import { Global, Module } from '@nestjs/common';
import { IdempotencyKeys } from './idempotency-keys.js';
import { IdempotencySweep } from './idempotency.sweep.js';

@Global()
@Module({ providers: [IdempotencyKeys], exports: [IdempotencyKeys] })
export class IdempotencyModule {}

/** What removes keys whose time is over: for the role `worker`. */
@Module({ providers: [IdempotencySweep] })
export class IdempotencySweepModule {}
