export * from './monitor.module.js';
