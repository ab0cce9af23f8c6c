export * from './component-certificates.service.js';
export * from './onboarding-packages.service.js';
export * from './onboarding-secrets.js';
export * from './onboarding.module.js';
