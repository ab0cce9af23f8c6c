import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../atomic-file.js';
import type { CheckConfig, ConfigAnswer } from '../gateway/wire.js';
import { DEFAULT_MONITOR_URL } from '../leaf/leaf-check.js';
import { VERSION } from '../version.js';

/** What the agent is to do. */
export interface Configuration {
  /** Empty until the gateway has sent one. */
  version: string;
  /** Seconds. */
  heartbeatInterval: number;
  pollInterval: number;
  checks: CheckConfig[];
}

const LEAF_CHECK: CheckConfig = {
  check_id: '',
  check_type: 'nats_leaf',
  name: 'nats-leaf',
  enabled: true,
  interval_sec: 10,
  timeout_sec: 5,
  target: '127.0.0.1',
  port: 0,
  path: '',
  method: '',
  settings: { monitor_url: DEFAULT_MONITOR_URL },
  publish_results: false,
};

/** What an agent does that has never heard from its gateway: it looks at the leaf of its site. */
export const FIRST_CONFIGURATION: Configuration = { version: '', heartbeatInterval: 30, pollInterval: 30, checks: [LEAF_CHECK] };

/** What an answer of the gateway means for what is known. */
export function configurationOf(answer: ConfigAnswer, known: Configuration): Configuration {
  const intervals = {
    heartbeatInterval: answer.heartbeat_interval_sec > 0 ? answer.heartbeat_interval_sec : known.heartbeatInterval,
    pollInterval: answer.config_poll_interval_sec > 0 ? answer.config_poll_interval_sec : known.pollInterval,
  };
  if (answer.not_modified) return { ...known, ...intervals };
  const checks = answer.checks.some(({ check_type: type }) => type === 'nats_leaf') ? answer.checks : [LEAF_CHECK, ...answer.checks];
  return { version: answer.config_version, ...intervals, checks };
}

/**
 * A check as it is done on this machine.
 * @param leafDirectory where the leaf's files are, if they are somewhere else than the gateway thinks: with `setup.sh --prefix`
 */
export const onThisMachine = (check: CheckConfig, leafDirectory: string | undefined): CheckConfig =>
  leafDirectory === undefined || check.check_type !== 'nats_leaf' ? check : { ...check, settings: { ...check.settings, config_dir: leafDirectory } };

/** Keeps the configuration that came last, for a start while the gateway is away. */
export class ConfigurationStore {
  readonly #path: string;

  constructor(
    private readonly directory: string,
    private readonly agentVersion = VERSION,
  ) {
    this.#path = join(directory, 'configuration.json');
  }

  /**
   * What was kept; the first configuration where nothing was, or nothing that can be read. What another version of the agent has kept has no
   * version, so that it is asked for anew: that one knew less of it, perhaps.
   */
  load(): Configuration {
    if (!existsSync(this.#path)) return FIRST_CONFIGURATION;
    try {
      const { keptBy, ...kept } = JSON.parse(readFileSync(this.#path, 'utf8')) as Configuration & { keptBy?: string };
      if (!Array.isArray(kept.checks) || kept.checks.length === 0) return FIRST_CONFIGURATION;
      return keptBy === this.agentVersion ? kept : { ...kept, version: '' };
    } catch {
      return FIRST_CONFIGURATION;
    }
  }

  keep(configuration: Configuration): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    writeAtomically(this.#path, JSON.stringify({ ...configuration, keptBy: this.agentVersion }));
  }
}
