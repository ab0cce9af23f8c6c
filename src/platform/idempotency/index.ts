export * from './fingerprint.js';
export * from './idempotency-keys.js';
export * from './idempotency.module.js';
export * from './idempotency.sweep.js';
export * from './idempotent.decorator.js';
export * from './marks.js';
export * from './settle.js';
