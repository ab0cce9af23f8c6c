export * from './encryption.module.js';
export * from './key-ring.js';
export * from './reencryption.js';
