export * from './health.controller.js';
export * from './health.dto.js';
export * from './health.module.js';
export * from './readiness-registry.js';
