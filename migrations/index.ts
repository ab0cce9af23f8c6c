import { Migration20261124_1_initial } from './Migration20261124_1_initial.js';
import { Migration20261126_1_sealed_bundles } from './Migration20261126_1_sealed_bundles.js';
import { Migration20261126_2_control_accounts } from './Migration20261126_2_control_accounts.js';
import { Migration20261126_3_leaf_control_links } from './Migration20261126_3_leaf_control_links.js';
import { Migration20261126_4_packages } from './Migration20261126_4_packages.js';
import { Migration20261126_5_buffer_settings } from './Migration20261126_5_buffer_settings.js';
import { Migration20261126_6_site_buffers } from './Migration20261126_6_site_buffers.js';
import { Migration20261126_7_tenant_streams } from './Migration20261126_7_tenant_streams.js';
import { Migration20261126_8_expected_collectors } from './Migration20261126_8_expected_collectors.js';
import { Migration20261126_9_leaf_system_account } from './Migration20261126_9_leaf_system_account.js';
import { Migration20261126_10_installed_generation } from './Migration20261126_10_installed_generation.js';
import { Migration20261126_11_running_config } from './Migration20261126_11_running_config.js';
import { Migration20261126_12_hub_shards } from './Migration20261126_12_hub_shards.js';
import { Migration20261126_13_ca_roll_over } from './Migration20261126_13_ca_roll_over.js';
import { Migration20261126_14_collector_generations } from './Migration20261126_14_collector_generations.js';
import { Migration20261126_15_account_keys } from './Migration20261126_15_account_keys.js';
import { Migration20261126_16_operator_keys } from './Migration20261126_16_operator_keys.js';
import { Migration20261126_17_audit_chain } from './Migration20261126_17_audit_chain.js';
import { Migration20261126_18_seals_of_many } from './Migration20261126_18_seals_of_many.js';
import { Migration20261126_20_narrowed_keys } from './Migration20261126_20_narrowed_keys.js';
import { Migration20261126_21_repeated_and_stale } from './Migration20261126_21_repeated_and_stale.js';
import { Migration20261126_22_rate_limits } from './Migration20261126_22_rate_limits.js';
import { Migration20261126_23_open_intents } from './Migration20261126_23_open_intents.js';
import { Migration20261126_24_resumed_downloads } from './Migration20261126_24_resumed_downloads.js';
import { Migration20261126_25_leaf_connections } from './Migration20261126_25_leaf_connections.js';
import { Migration20261126_26_agents } from './Migration20261126_26_agents.js';
import { Migration20261126_27_agent_results } from './Migration20261126_27_agent_results.js';
import { Migration20261126_28_checks } from './Migration20261126_28_checks.js';
import { Migration20261126_29_change_events } from './Migration20261126_29_change_events.js';
import { Migration20261126_30_alerts } from './Migration20261126_30_alerts.js';
import { Migration20261126_31_ending_certificates } from './Migration20261126_31_ending_certificates.js';
import { Migration20261126_32_told_alerts } from './Migration20261126_32_told_alerts.js';
import { Migration20261126_33_resting_sources } from './Migration20261126_33_resting_sources.js';
import { Migration20261126_34_published_checks } from './Migration20261126_34_published_checks.js';

/** In the order in which they run. A migration that has been released is never edited. */
export const migrations = [
  Migration20261124_1_initial,
  Migration20261126_1_sealed_bundles,
  Migration20261126_2_control_accounts,
  Migration20261126_3_leaf_control_links,
  Migration20261126_4_packages,
  Migration20261126_5_buffer_settings,
  Migration20261126_6_site_buffers,
  Migration20261126_7_tenant_streams,
  Migration20261126_8_expected_collectors,
  Migration20261126_9_leaf_system_account,
  Migration20261126_10_installed_generation,
  Migration20261126_11_running_config,
  Migration20261126_12_hub_shards,
  Migration20261126_13_ca_roll_over,
  Migration20261126_14_collector_generations,
  Migration20261126_15_account_keys,
  Migration20261126_16_operator_keys,
  Migration20261126_17_audit_chain,
  Migration20261126_18_seals_of_many,
  Migration20261126_20_narrowed_keys,
  Migration20261126_21_repeated_and_stale,
  Migration20261126_22_rate_limits,
  Migration20261126_23_open_intents,
  Migration20261126_24_resumed_downloads,
  Migration20261126_25_leaf_connections,
  Migration20261126_26_agents,
  Migration20261126_27_agent_results,
  Migration20261126_28_checks,
  Migration20261126_29_change_events,
  Migration20261126_30_alerts,
  Migration20261126_31_ending_certificates,
  Migration20261126_32_told_alerts,
  Migration20261126_33_resting_sources,
  Migration20261126_34_published_checks,
];
