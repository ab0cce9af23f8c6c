import { type Action, type KeyScope, type Role, ROLES, SCOPE_NAMES, type Subject } from '#libs/contracts';
import { IN_TENANT, IS_OF_A_SITE } from './grants.js';

export type Labels = Readonly<Record<string, string>>;

/** What an API key may do less than its role. */
export interface Narrowing {
  /** What it may do; all that its role may when absent or empty. One that is not known lets nothing through. */
  scopes?: readonly string[];
  /** Labels that a site has to have, all of them, for the key to reach it; any site will do when absent or empty. */
  siteLabels?: Labels;
}

/** What an API key can be narrowed to: each right that a role of a tenant has, and for each kind of thing all of them. */
export const KEY_SCOPES: readonly KeyScope[] = [
  ...new Set(IN_TENANT.admin.flatMap(([action, subjects]) => subjects.flatMap((subject) => [scopeOf(action, subject), scopeOf('*', subject)]))),
].sort();

/** The scope of one right, as `edge_sites:read`; of all to a kind of thing with `*` for the action. */
export function scopeOf(action: Action | '*', subject: Subject): KeyScope {
  return `${SCOPE_NAMES[subject]}:${action}`;
}

/** Whether a narrowed key is left the right, given that its role has it. */
export function leaves({ scopes = [], siteLabels = {} }: Narrowing, action: Action, subject: Subject): boolean {
  if (isNarrowed(siteLabels) && !IS_OF_A_SITE[subject]) return false;
  return scopes.length === 0 || scopes.includes(scopeOf(action, subject)) || scopes.includes(scopeOf('*', subject));
}

/** Those of a key's scopes that leave it nothing: its role has no such right, or has it at no site while the key is for sites only. */
export function idleScopes({ role, ...narrowing }: Narrowing & { role: Role }): string[] {
  const left = IN_TENANT[role].flatMap(([action, subjects]) =>
    subjects.filter((subject) => leaves(narrowing, action, subject)).flatMap((subject) => [scopeOf(action, subject), scopeOf('*', subject)]),
  );
  return (narrowing.scopes ?? []).filter((scope) => !left.includes(scope as KeyScope));
}

/** Labels as a list for rules to look into. A key of a label has no `=` in it, so that no two labels look the same. */
export const labelTexts = (labels: Labels): string[] => Object.entries(labels).map(([key, value]) => `${key}=${value}`);

/** The labels of such a list. */
export const labelsOfTexts = (texts: readonly string[]): Labels =>
  Object.fromEntries(texts.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]));

/** Whether these labels keep any site out. */
export const isNarrowed = (siteLabels: Labels = {}): boolean => Object.keys(siteLabels).length > 0;

/** In which respects a key may do more than another one. */
export type Excess = 'role' | 'scopes' | 'siteLabels';

/**
 * What of a key that is to be made goes beyond whoever makes it. What both name is compared, not what it comes to today: a key would
 * otherwise grow beyond its maker with its role.
 */
export function excessOf(made: Narrowing & { role: Role }, maker: Narrowing & { role: Role }): Excess[] {
  const { scopes: asked = [], siteLabels = {} } = made;
  const given = maker.scopes ?? [];
  const covers = (scope: string) => given.includes(scope) || given.includes(`${scope.split(':')[0]}:*`);
  const excess: Record<Excess, boolean> = {
    role: ROLES.indexOf(made.role) < ROLES.indexOf(maker.role),
    scopes: given.length > 0 && (asked.length === 0 || !asked.every(covers)),
    siteLabels: !Object.entries(maker.siteLabels ?? {}).every(([key, value]) => Object.hasOwn(siteLabels, key) && siteLabels[key] === value),
  };
  return (Object.keys(excess) as Excess[]).filter((respect) => excess[respect]);
}
