export * from './basics.js';
export * from './head.js';
export * from './root.js';
export * from './sums.js';
export * from './verdicts.js';
