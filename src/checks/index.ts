export { HEARTBEAT_INTERVAL } from './agent-config.js';
export * from './agent-configs.service.js';
export * from './checks.module.js';
