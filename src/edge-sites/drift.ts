/** What a site may rightly run. Checksums as `config_checksum`; null where there is none or it is not known. */
export interface Rightful {
  /** Of the newest generation that is provisioned. */
  newest: string | null;
  /** Of the generation that connected last. */
  installed: string | null;
}

/**
 * `current`: the site runs the newest generation. `outdated`: it runs the generation that it connected with, and has not installed the newest
 * yet. `drifted`: what it runs was changed at the site, or is of another generation.
 */
export type Drift = 'current' | 'outdated' | 'drifted';

/** @param running the checksum of what the site runs, as it reports it */
export function driftOf(running: string, { newest, installed }: Rightful): Drift {
  if (running === newest) return 'current';
  return running === installed ? 'outdated' : 'drifted';
}
