import { type Context, ROOT_CONTEXT, trace } from '@opentelemetry/api';

/** W3C Trace Context, section 3.2: version, trace, parent, flags; what a later version adds stands behind a hyphen. */
const TRACEPARENT = /^(?<version>[0-9a-f]{2})-(?<traceId>[0-9a-f]{32})-(?<spanId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<more>-.{0,400})?$/;

const NONE = /^0+$/;

/**
 * What a span of elsewhere is continued in.
 * @param header as somebody sent it, in whatever form
 * @returns undefined when it is not well-formed: then a trace begins here
 */
export function contextOf(header: unknown): Context | undefined {
  const { version, traceId, spanId, flags, more } = (typeof header === 'string' ? TRACEPARENT.exec(header)?.groups : undefined) ?? {};
  if (traceId === undefined || spanId === undefined || NONE.test(traceId) || NONE.test(spanId)) return undefined;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  // Of the flags, only that the trace is kept has a meaning here.
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: parseInt(flags!, 16) & 1, isRemote: true });
}

/** The same of a span of ours, for others to continue; undefined without one. */
export function traceparentOf(context: Context | undefined): string | undefined {
  const span = context && trace.getSpanContext(context);
  return span && `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`;
}
