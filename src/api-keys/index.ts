export * from './api-keys.module.js';
export * from './api-keys.service.js';
