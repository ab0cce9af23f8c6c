export { fullInOf } from './buffer-row.js';
export { siteRetention } from './buffering-site.js';
export * from './site-buffers.js';
export * from './streams-queue.js';
export * from './streams.module.js';
