export * from './bundles.module.js';
