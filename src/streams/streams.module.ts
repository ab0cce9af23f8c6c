import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { NatsModule } from '../nats/index.js';
import { StreamReconciler } from './stream-reconciler.js';
import { Streams, STREAMS_QUEUE } from './streams-queue.js';
import { StreamsProcessor } from './streams.processor.js';

@Module({
  imports: [BullModule.registerQueue({ name: STREAMS_QUEUE })],
  providers: [Streams],
  exports: [Streams],
})
export class StreamsModule {}

/** The part of it that workers do. */
@Module({ imports: [NatsModule], providers: [StreamReconciler, StreamsProcessor] })
export class StreamsWorkerModule {}
