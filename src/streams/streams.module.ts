import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { NatsModule } from '../nats/index.js';
import { BufferMeasurements } from './buffer-measurements.js';
import { BufferMeter } from './buffer-meter.js';
import { BufferMetrics } from './buffer-metrics.js';
import { HubStreams } from './hub-streams.js';
import { SiteBuffers } from './site-buffers.js';
import { StreamReconciler } from './stream-reconciler.js';
import { StreamSubjectsController } from './stream-subjects.controller.js';
import { StreamSubjectsService } from './stream-subjects.service.js';
import { Streams, STREAMS_QUEUE } from './streams-queue.js';
import { StreamsProcessor } from './streams.processor.js';

@Module({
  imports: [BullModule.registerQueue({ name: STREAMS_QUEUE })],
  controllers: [StreamSubjectsController],
  providers: [Streams, SiteBuffers, StreamSubjectsService],
  exports: [Streams, SiteBuffers],
})
export class StreamsModule {}

/** The part of it that workers do. */
@Module({ imports: [NatsModule, StreamsModule], providers: [StreamReconciler, HubStreams, BufferMeter, BufferMeasurements, BufferMetrics, StreamsProcessor] })
export class StreamsWorkerModule {}
