import { type Attributes, type Context, ROOT_CONTEXT, type Span, type SpanKind, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import { DomainError } from '#libs/kernel';
import { requestContext } from '../logging/request-context.js';
import { traceparentOf } from './traceparent.js';

/** Where spans go. */
export interface SpanSink {
  tracer: Tracer;
  /** Sends what is left. Never rejects. */
  shutdown(): Promise<void>;
}

export interface SpanOptions {
  kind?: SpanKind;
  /** Names and ids of ours. No path, query, header or text that somebody sent: secrets come in there. */
  attributes?: Attributes;
  /** What is continued; without it, what is running. */
  parent?: Context | undefined;
}

/** A span that has begun. */
export interface OpenSpan {
  span: Span;
  /** For what runs in it. */
  context: Context;
}

/** Spans of what this process does, when somebody wants them. Without a sink it costs a comparison. */
export class Tracing {
  constructor(private readonly sink?: SpanSink) {}

  /** For what begins in one place and ends in another. @returns undefined when nobody wants it */
  begin(name: string, { kind, attributes, parent }: SpanOptions = {}): OpenSpan | undefined {
    if (this.sink === undefined) return undefined;
    const from = parent ?? requestContext.getStore()?.trace ?? ROOT_CONTEXT;
    const span = this.sink.tracer.startSpan(name, { kind, attributes }, from);
    return { span, context: trace.setSpan(from, span) };
  }

  /** Runs the work in a span: spans and log lines that it causes belong to that. An error marks it, by what kind of error it is alone. */
  async span<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> {
    const open = this.begin(name, options);
    if (open === undefined) return work();
    try {
      return await requestContext.run({ ...requestContext.getStore(), trace: open.context }, work);
    } catch (error) {
      failed(open.span, error);
      throw error;
    } finally {
      open.span.end();
    }
  }

  /** Sends what is left. */
  async shutdown(): Promise<void> {
    await this.sink?.shutdown();
  }
}

/** Messages quote what went wrong, statements and values among it. */
export function failed(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', error instanceof DomainError ? error.code : error instanceof Error ? error.name : 'other');
}

/** Of what is running, to be continued elsewhere; undefined when nobody wants spans. */
export const currentTraceparent = (): string | undefined => traceparentOf(requestContext.getStore()?.trace);
