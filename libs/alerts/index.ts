export * from './condition.js';
export * from './decide.js';
export * from './facts.js';
export * from './hold.js';
export * from './message.js';
export * from './rule.js';
export * from './text.js';
