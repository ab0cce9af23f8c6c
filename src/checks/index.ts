export * from './agent-configs.service.js';
export * from './checks.module.js';
