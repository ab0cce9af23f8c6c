export * from './control-links.js';
export * from './leaf-accounts.module.js';
export * from './leaf-accounts-queue.js';
