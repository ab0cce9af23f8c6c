export * from './json-logger.js';
export * from './logging.module.js';
export * from './request-context.js';
export { redactText } from './redact.js';
