import { Module } from '@nestjs/common';
import { AccountPushProcessor } from './account-push.processor.js';
import { NatsModule } from './nats.module.js';

/** The part of NATS that workers do. */
@Module({ imports: [NatsModule], providers: [AccountPushProcessor] })
export class AccountPushModule {}
