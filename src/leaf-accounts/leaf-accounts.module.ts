import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { NatsModule } from '../nats/index.js';
import { ControlLinks } from './control-links.js';
import { LeafAccountPusher } from './leaf-account-pusher.js';
import { LeafAccounts, LEAF_ACCOUNTS_QUEUE } from './leaf-accounts-queue.js';
import { LeafAccountsProcessor } from './leaf-accounts.processor.js';

@Module({
  imports: [BullModule.registerQueue({ name: LEAF_ACCOUNTS_QUEUE })],
  providers: [LeafAccounts, ControlLinks],
  exports: [LeafAccounts, ControlLinks],
})
export class LeafAccountsModule {}

/** The part of it that workers do. */
@Module({ imports: [LeafAccountsModule, NatsModule], providers: [LeafAccountPusher, LeafAccountsProcessor] })
export class LeafAccountsWorkerModule {}
