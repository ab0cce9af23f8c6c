/** The build puts the version of the package here. */
declare const AGENT_VERSION: string | undefined;

export const VERSION = typeof AGENT_VERSION === 'string' ? AGENT_VERSION : '0.0.0-source';
