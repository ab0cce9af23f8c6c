export * from './agent-config-source.js';
export * from './agent-inventory.module.js';
export * from './agent-peer.js';
export * from './agent-renewals.js';
export * from './agents.module.js';
