export * from './embedded-hub.js';
export * from './embedded-postgres.js';
export * from './free-port.js';
export * from './nats-server-binary.js';
export * from './postgres-roles.js';
export type { ProcessExit } from './process-supervisor.js';
