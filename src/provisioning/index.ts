export * from './provisioning.module.js';
