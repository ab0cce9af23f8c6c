export * from './api-key.js';
export * from './auth.module.js';
export * from './authenticator.js';
export * from './authorize.decorator.js';
export * from './caller.js';
export * from './current-caller.decorator.js';
export type { RefusedPerson } from './oidc/index.js';
export * from './public.decorator.js';
