export * from './streams-queue.js';
export * from './streams.module.js';
