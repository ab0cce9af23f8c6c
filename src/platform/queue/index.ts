export * from './queue.module.js';
export * from './job-worker.js';
