export * from './ability.js';
export * from './check.js';
