export * from './build-openapi.js';
export * from './serve-openapi.js';
