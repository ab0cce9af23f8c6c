export { fullInOf, type LimitedBuffer } from './buffer-row.js';
export { siteRetention } from './wanted-streams.js';
export * from './site-buffers.js';
export * from './streams-queue.js';
export * from './streams.module.js';
