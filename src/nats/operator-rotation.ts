import type { NatsOperatorKey } from '#libs/model';

type Key = Pick<NatsOperatorKey, 'publicKey' | 'status'>;

/** How far the hub, the sites and the accounts are with the operator's keys. */
export interface RotationFacts {
  /** Newest first; retired ones among them. */
  keys: readonly Key[];
  /** The signing keys that the hub trusts; null when it has not been asked yet. */
  hubKeys: readonly string[] | null;
  /** Sites that have installed a bundle, but none with the operator's newest JWT. */
  sitesBehind: { count: number; examples: readonly string[] };
  /** Accounts that another key has signed than the active one. */
  accountsToSign: number;
  /** Accounts of which the hub has not confirmed the newest JWT. */
  accountsToPush: number;
}

const HUB_STEP = 'Write its configuration again (npm run hub:config with --force) and restart it: a reload does not take another operator.';

/** Why the key cannot sign yet; undefined when it can. */
export function whyNotActivate(key: Key, { hubKeys, sitesBehind }: RotationFacts): string | undefined {
  const refusals = [
    hubKeys?.includes(key.publicKey) ? '' : `The hub does not know the key yet. ${HUB_STEP}`,
    sitesBehind.count === 0 ? '' : `${sitesThat(sitesBehind, 'not installed a bundle that knows the key')}.`,
  ].filter((refusal) => refusal !== '');
  return refusals.length === 0 ? undefined : refusals.join(' ');
}

/** Why the key that was replaced cannot go yet; undefined when it can. Servers refuse what it has signed from then on. */
export function whyNotRetire({ accountsToSign, accountsToPush }: RotationFacts, force: boolean): string | undefined {
  if (accountsToSign > 0) return `${accounts(accountsToSign)} still to be signed with the new key. Workers are at it; try again in a moment.`;
  if (accountsToPush > 0 && !force) return `The hub has not confirmed ${accountsToPush} of the accounts yet. Try again when it has.`;
  return undefined;
}

/** What somebody has to do next, or what there is to wait for; null when there is nothing. */
export function nextStep(facts: RotationFacts): string | null {
  const { keys, hubKeys, sitesBehind } = facts;
  const next = keys.find(({ status }) => status === 'next');
  if (next !== undefined) return whyNotActivate(next, facts) ?? 'Activate the next key: hub and sites know it.';
  if (keys.some(({ status }) => status === 'retiring')) return whyNotRetire(facts, false) ?? 'Retire the key that was replaced: nothing is left that it has signed.';
  const active = keys.find(({ status }) => status === 'active')?.publicKey;
  if (hubKeys?.some((key) => key !== active)) return `The hub still trusts a key that is retired. ${HUB_STEP}`;
  return sitesBehind.count === 0 ? null : `${sitesThat(sitesBehind, 'to install their newest bundle: until then their leaves trust a key that is retired')}.`;
}

const accounts = (count: number) => (count === 1 ? '1 account is' : `${count} accounts are`);

function sitesThat({ count, examples }: RotationFacts['sitesBehind'], what: string): string {
  const more = count > examples.length ? ', …' : '';
  return `${count === 1 ? '1 site has' : `${count} sites have`} ${what} (${examples.join(', ')}${more})`;
}
