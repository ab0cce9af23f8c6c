export * from './account-key.js';
export * from './collector-package.js';
export * from './edge-site.js';
export * from './lifecycle.js';
export * from './nats-leaf-server.js';
export * from './onboarding-package.js';
export * from './signed-artifact.js';
export * from './tenant-ca.js';
