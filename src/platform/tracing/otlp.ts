import { hostname } from 'node:os';
import { Logger } from '@nestjs/common';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, ParentBasedSampler, type SpanExporter, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Config, TracingConfig } from '../config/index.js';
import type { SpanSink } from './tracing.js';

/** Milliseconds: how long spans are gathered, and how long a collector may take. */
const GATHERED = 2_000;
const TIMEOUT = 5_000;

/** Sends spans to an OpenTelemetry collector, as OTLP over HTTP in JSON. Loaded only where one is configured. */
export function otlpSink(config: Config, { endpoint, headers, serviceName, ratio }: TracingConfig): SpanSink {
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, headers: { ...headers?.reveal() }, timeoutMillis: TIMEOUT });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': serviceName,
      'service.instance.id': `${hostname()}:${process.pid}`,
      'deployment.environment.name': config.environment,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter: withComplaints(exporter), scheduledDelayMillis: GATHERED, exportTimeoutMillis: TIMEOUT })],
  });
  return { tracer: provider.getTracer('serviceradar-edge'), shutdown: () => provider.shutdown().catch(() => undefined) };
}

/** Says once that spans get lost, and once that they do no more. */
function withComplaints(exporter: SpanExporter): SpanExporter {
  const logger = new Logger('Tracing');
  let losing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error !== undefined && !losing) logger.warn({ err: result.error }, 'spans were not taken; they are lost until the collector is back');
        if (result.error === undefined && losing) logger.log('spans are taken again');
        losing = result.error !== undefined;
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}
