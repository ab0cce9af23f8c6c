export * from './depth.js';
export * from './field-decorators.js';
export * from './host.js';
export * from './id-param.decorator.js';
export * from './labels.js';
export * from './validation.module.js';
export * from './validation.pipe.js';
export * from './slug-of.js';
