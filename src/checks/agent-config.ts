import { createHash } from 'node:crypto';
import { CHECKSUMS_PATH, INSTALLED_FILES } from '#libs/bundle';
import type { AgentCheck, AgentConfigAnswer } from '#libs/contracts';
import type { Check, NatsLeafServer } from '#libs/model';
import { type CheckTerms, LEAF_CHECK_NAME } from './check-terms.js';

/** How often the leaf is looked at, and how long that may take, in seconds: it answers on the loopback address, and sites are judged by it. */
const LEAF_INTERVAL = 10;
const LEAF_TIMEOUT = 5;

/** Where `setup.sh` puts the files of a leaf, but with `--prefix`. */
const CONFIG_DIR = '/etc/nats';

/** What an agent has to know of a check. */
export type ConfiguredCheck = CheckTerms & Pick<Check, 'id'>;

/** What the configuration of a site's agents is made of. */
export interface ConfigInput {
  leaf: Pick<NatsLeafServer, 'id' | 'monitorPort'>;
  checks: readonly ConfiguredCheck[];
  /** How often an agent is to report, and to ask for its configuration, in seconds. */
  heartbeat: number;
  /** When the site, or one of the checks that it has, was changed last. */
  changedAt: Date;
}

/**
 * What the agents of a site are to do: look at the leaf, and do the checks that people have made, in the order in which they were made. Each
 * configuration has a version of its own, made of what it says.
 *
 * @param known the version that the agent has; it is spared what it knows
 */
export function agentConfig({ leaf, checks, heartbeat, changedAt }: ConfigInput, known = ''): AgentConfigAnswer {
  const wanted = [leafCheck(leaf, heartbeat), ...checks.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(siteCheck)];
  const intervals = { heartbeat_interval_sec: heartbeat, config_poll_interval_sec: heartbeat };
  const version = createHash('sha256').update(JSON.stringify([intervals, wanted])).digest('hex');
  const isKnown = known === version;
  return {
    not_modified: isKnown,
    config_version: version,
    config_timestamp: isKnown ? 0 : Math.floor(changedAt.getTime() / 1000),
    ...intervals,
    checks: isKnown ? [] : wanted,
  };
}

/**
 * The check that nobody has to ask for. Its settings say where the leaf is monitored, and how an agent tells what the leaf runs with: in
 * `config_dir` are `checksums_file`, as `sha256sum` writes it, and the files that `config_files` has by their paths in that.
 */
const leafCheck = ({ id, monitorPort }: ConfigInput['leaf'], heartbeat: number): AgentCheck => ({
  check_id: id,
  check_type: 'nats_leaf',
  name: LEAF_CHECK_NAME,
  enabled: true,
  interval_sec: Math.min(LEAF_INTERVAL, heartbeat),
  timeout_sec: LEAF_TIMEOUT,
  target: '127.0.0.1',
  port: monitorPort,
  path: '',
  method: '',
  settings: {
    monitor_url: `http://127.0.0.1:${monitorPort}`,
    config_dir: CONFIG_DIR,
    checksums_file: CHECKSUMS_PATH,
    config_files: JSON.stringify(INSTALLED_FILES),
  },
  publish_results: false,
});

const siteCheck = (check: ConfiguredCheck): AgentCheck => ({
  check_id: check.id,
  check_type: check.checkType,
  name: check.name,
  enabled: check.enabled,
  interval_sec: check.intervalSec,
  timeout_sec: check.timeoutSec,
  target: check.target,
  port: check.port ?? 0,
  path: check.path ?? '',
  method: check.method ?? '',
  // By key: the database keeps no order of them, and the version must not depend on it.
  settings: Object.fromEntries(Object.entries(check.settings).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  publish_results: check.publishResults,
});
