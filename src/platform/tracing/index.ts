export * from './http-span.js';
export * from './traceparent.js';
export * from './tracing.js';
export * from './tracing.module.js';
