export * from './queue.module.js';
export * from './job-worker.js';
export * from './enqueue.js';
export { jobCause } from './job-cause.js';
export * from './pending-queue.js';
export * from './pending-sweep.js';
export * from './pending-worker.js';
