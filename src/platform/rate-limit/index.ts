export * from './limited-as.decorator.js';
export * from './rate-limit.module.js';
export * from './rate-limits.js';
export * from './rate-limits.sweep.js';
