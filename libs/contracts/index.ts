export * from './error-codes.js';
export * from './role.js';
export * from './permissions.js';
