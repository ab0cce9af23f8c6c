export * from './audit-events.module.js';
