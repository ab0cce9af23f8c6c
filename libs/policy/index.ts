export * from './ability.js';
export * from './check.js';
export { excessOf, type Excess, idleScopes, KEY_SCOPES, type Labels, type Narrowing, scopeOf } from './narrowing.js';
