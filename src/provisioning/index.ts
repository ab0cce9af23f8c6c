export * from './leaf-provisioner.js';
export * from './provisioning.module.js';
