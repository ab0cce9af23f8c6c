export * from './edge-sites.module.js';
export * from './edge-sites.service.js';
export * from './leaf-presence.service.js';
export * from './listener-hosts.js';
export * from './provisioning-queue.js';
export * from './leaf-secrets.js';
export * from './site-dependents.js';
export * from './site-of-package.js';
export type { SiteWithLeaf } from './site-with-leaf.js';
