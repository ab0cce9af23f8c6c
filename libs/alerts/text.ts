import type { AlertKind } from './rule.js';

const UNITS: readonly [seconds: number, name: string][] = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** As people say it: the largest unit of which there are two, or one exactly. `90` is `90 seconds`, `120` is `2 minutes`. */
export function spokenDuration(seconds: number): string {
  const [unit, name] = UNITS.find(([unit]) => seconds >= 2 * unit || seconds === unit) ?? UNITS.at(-1)!;
  const count = Math.floor(seconds / unit);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** What an alert says, without the site's name. */
export function summaryOf(kind: AlertKind, value: number, detail: Record<string, unknown>): string {
  const time = spokenDuration(value);
  switch (kind) {
    case 'disconnected_for':
      if (detail.never_connected === true) return `The leaf was provisioned ${time} ago and has never connected.`;
      return detail.flapping === true ? `The leaf has had no link that lasted for ${time}.` : `The leaf has had no link to the hub for ${time}.`;
    case 'buffer_full_within':
      return value === 0 ? 'The buffer of the leaf is full.' : `The buffer of the leaf is full in ${time}.`;
    case 'cert_expires_within':
      return value === 0 ? 'The certificates of the leaf have expired.' : `The certificates of the leaf expire in ${time}.`;
    case 'agent_silent_for':
      return `${counted(detail.agents, 'agent')} ${isOne(detail.agents) ? 'has' : 'have'} said nothing for ${time}.`;
    case 'drifted_for':
      return `The site has run something else than it should for ${time}.`;
    case 'check_failing_for':
      return `${counted(detail.checks, 'check')} ${isOne(detail.checks) ? 'has' : 'have'} failed for ${time}.`;
  }
}

const isOne = (names: unknown) => Array.isArray(names) && names.length === 1;

/** `The check "web"`, `3 checks ("web", "db", …)`. */
function counted(names: unknown, noun: string): string {
  const all = Array.isArray(names) ? names.map((name) => `"${String(name)}"`) : [];
  if (all.length === 1) return `The ${noun} ${all[0]}`;
  return `${all.length} ${noun}s (${all.slice(0, 3).join(', ')}${all.length > 3 ? ', …' : ''})`;
}
