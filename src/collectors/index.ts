export * from './collector-generations.service.js';
export * from './collector-presence.service.js';
export * from './collector-secrets.js';
export * from './collectors.module.js';
export * from './collectors.service.js';
