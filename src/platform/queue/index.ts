export * from './queue.module.js';
export * from './job-worker.js';
export * from './enqueue.js';
