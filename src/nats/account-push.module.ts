import { Module } from '@nestjs/common';
import { AccountPushProcessor } from './account-push.processor.js';
import { NatsModule } from './nats.module.js';
import { SigningAnewSweep } from './signing-anew.sweep.js';
import { TrustedKeysSweep } from './trusted-keys.sweep.js';

/** The part of NATS that workers do. */
@Module({ imports: [NatsModule], providers: [AccountPushProcessor, SigningAnewSweep, TrustedKeysSweep] })
export class AccountPushModule {}
