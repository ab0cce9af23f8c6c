export * from './error-codes.js';
export * from './role.js';
export * from './permissions.js';
export * from './collector-type.js';
export * from './enrollment-token.js';
export * from './agent-gateway.js';
