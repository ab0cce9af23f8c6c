export * from './audit.js';
export * from './audit.module.js';
export * from './audit-chain.js';
export * from './audit-verification.js';
