export * from './batches.js';
export * from './clock.js';
export * from './domain-error.js';
export * from './id.js';
export * from './name.js';
export * from './random.js';
export * from './secret.js';
export * from './slug.js';
