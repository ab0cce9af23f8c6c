import type { CollectorType } from '#libs/contracts';
import type { CollectorConfigurationInput, CollectorDefinition } from './definition.js';
import { falcosidekick } from './falco.js';
import { netflow, sflow } from './flows.js';
import { checkSettings, type Overrides, settingValues } from './overrides.js';
import { flowgger } from './syslog.js';
import { otel } from './telemetry.js';
import { trapd } from './traps.js';

const DEFINITIONS: Readonly<Record<CollectorType, CollectorDefinition>> = { flowgger, trapd, netflow, sflow, otel, falcosidekick };

/** What collectors of the type may publish: subjects or patterns, as in `publisherPermissions`. */
export const collectorSubjects = (type: CollectorType): readonly string[] => DEFINITIONS[type].subjects;

/** The name of the file that the type reads its configuration from. */
export const configFileOf = (type: CollectorType): string => DEFINITIONS[type].configFile;

/** The systemd service that runs the type; null for falcosidekick, which runs in Kubernetes. */
export const serviceOf = (type: CollectorType): string | null => DEFINITIONS[type].service;

/** Where the type listens unless it is overridden. */
export const listenerOf = (type: CollectorType): { port: number; protocol: 'udp' | 'tcp' } => {
  const { port, protocol } = DEFINITIONS[type];
  return { port, protocol };
};

/**
 * Checks what somebody wants to be different from the type's defaults; nothing is changed by `undefined`. Everything that is wrong is
 * reported at once, with JSON pointers below `/config_overrides`.
 *
 * @throws DomainError `validation_failed` for unknown names, values of another kind or out of range, what is no object, or more than 8 KB
 */
export const checkOverrides = (type: CollectorType, overrides: unknown): Overrides => checkSettings(DEFINITIONS[type].settings, overrides);

/**
 * The text of the type's configuration file, in its format, with the paths of a system installation.
 *
 * @param overrides from `checkOverrides`
 */
export function renderCollectorConfiguration({
  type,
  overrides,
  ...input
}: CollectorConfigurationInput & { type: CollectorType; overrides: Overrides }): string {
  const { settings, render } = DEFINITIONS[type];
  return render(input, settingValues(settings, overrides));
}
