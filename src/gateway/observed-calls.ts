import { ResponderBuilder, ServerInterceptingCall, type ServerInterceptor, ServerListenerBuilder, status } from '@grpc/grpc-js';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { requestContext } from '../platform/logging/index.js';
import type { Metrics } from '../platform/metrics/index.js';
import { contextOf, type Tracing } from '../platform/tracing/index.js';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Our faults (gRPC, "Status codes and their use"); the others are the agent's. */
const FAULTS = new Set([status.UNKNOWN, status.INTERNAL, status.UNAVAILABLE, status.DATA_LOSS, status.UNIMPLEMENTED, status.DEADLINE_EXCEEDED]);

/**
 * Stands around each call of an agent: tells how long it took and what came of it, and puts it into a span, in the trace that the agent says. A
 * stream is one call, until it ends. What is no method of the service is answered before this.
 */
export function observedCalls(metrics: Metrics, tracing: Tracing): ServerInterceptor {
  const help = 'How long calls of agents took, until their status was sent or they were cancelled; of streams, the whole stream.';
  const durations = metrics.histogram('gateway_call_duration_seconds', help, ['method', 'code'], BUCKETS);
  return ({ path }, call) => {
    const begin = process.hrtime.bigint();
    const method = path.slice(path.lastIndexOf('/') + 1);
    let end = (code: status) => durations.observe({ method, code: status[code] }, Number(process.hrtime.bigint() - begin) / 1e9);
    let within = <T>(work: () => T): T => work();
    // Cancelled calls are answered as well, where nobody listens any more.
    const ended = (code: status) => {
      end(code);
      end = () => undefined;
    };
    const open = (traceparent: unknown): void => {
      const attributes = { 'rpc.system': 'grpc', 'rpc.method': method };
      const opened = tracing.begin(`gateway ${method}`, { kind: SpanKind.SERVER, attributes, parent: contextOf(traceparent) });
      if (opened === undefined) return;
      const { span, context } = opened;
      const observe = end;
      within = (work) => requestContext.run({ trace: context }, work);
      end = (code) => {
        observe(code);
        span.setAttribute('rpc.grpc.status_code', code);
        if (FAULTS.has(code)) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      };
    };
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        open(metadata.get('traceparent')[0]);
        within(() => next(metadata));
      })
      .withOnReceiveMessage((message, next) => within(() => next(message as object)))
      .withOnReceiveHalfClose((next) => within(next))
      .withOnCancel(() => ended(status.CANCELLED))
      .build();
    const responder = new ResponderBuilder()
      .withStart((next) => next(listener))
      .withSendStatus((sent, next) => {
        ended(sent.code ?? status.UNKNOWN);
        next(sent);
      })
      .build();
    return new ServerInterceptingCall(call, responder);
  };
}
