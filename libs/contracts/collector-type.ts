/** The collectors that a package can be made for. */
export const COLLECTOR_TYPES = ['flowgger', 'trapd', 'netflow', 'sflow', 'otel', 'falcosidekick'] as const;

export type CollectorType = (typeof COLLECTOR_TYPES)[number];
