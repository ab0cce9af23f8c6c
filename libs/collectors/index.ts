export * from './collectors.js';
export { type CollectorConfigurationInput, HOST_PATHS } from './definition.js';
export { FALCOSIDEKICK_SECRET } from './falco.js';
export type { Overrides } from './overrides.js';
