export * from './signing-keys.module.js';
export * from './signing-keys.service.js';
