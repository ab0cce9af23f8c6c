import type { Clock } from '#libs/kernel';
import { type AccountClaims, type ConnectionType, NO_LIMIT, type OperatorClaims, type PermissionClaims, type UserClaims } from './claims.js';
import { signClaims } from './jwt.js';
import { assertPublicKey, type KeyPair } from './nkeys.js';
import type { Permissions, SubjectRules } from './permissions.js';

export interface Operator {
  name: string;
  publicKey: string;
  /** Keys that sign accounts in its place, so that the identity key can stay offline. */
  signingKeys: readonly string[];
}

/**
 * What an account may store. A server reserves what is stated, and one that has less runs without JetStream for the account, saying so
 * in its log only: unlimited is what suits the hub and every leaf.
 */
export interface JetStreamLimits {
  /** Bytes; -1 is unlimited, and nothing is reserved. */
  maxMemoryBytes: number;
  /** Bytes; -1 is unlimited, and nothing is reserved. */
  maxFileBytes: number;
  maxStreams: number;
  maxConsumers: number;
}

export interface Account {
  name: string;
  publicKey: string;
  signingKeys: readonly string[];
  /** Revoked user keys, with the Unix second up to which JWTs issued to them are refused. */
  revocations: Readonly<Record<string, number>>;
  /** Clients connected at once; unlimited when absent. */
  maxConnections?: number;
  /** Leaf nodes connected at once; unlimited when absent. */
  maxLeafNodes?: number;
  /** Without it, the account has no JetStream. */
  jetstream?: JetStreamLimits;
  /** For users whose JWT states no permissions. Those made here always do. */
  defaultPermissions?: Permissions;
}

export interface User {
  name: string;
  publicKey: string;
  account: string;
  permissions: Permissions;
  allowedConnectionTypes: readonly ConnectionType[];
  /** From this moment on the server refuses and drops the user; without it, never. */
  expiresAt?: Date;
}

/** The operator's JWT, signed by its identity key. It names no system account: the hub has one, and each leaf one of its own. */
export function signOperator(operator: Operator, identityKey: KeyPair, clock: Clock): string {
  for (const key of operator.signingKeys) assertPublicKey(key, 'operator');
  return signClaims<OperatorClaims>(
    {
      name: operator.name,
      subject: operator.publicKey,
      nats: { signing_keys: unlessEmpty(operator.signingKeys), type: 'operator', version: 2 },
    },
    identityKey,
    clock,
  );
}

/**
 * An account's JWT. Each limit is stated: a server takes an absent one for 0, and such an account has no connections.
 * @param signer a key of the operator, its identity or a signing key
 */
export function signAccount(account: Account, signer: KeyPair, clock: Clock): string {
  for (const key of account.signingKeys) assertPublicKey(key, 'account');
  for (const key of Object.keys(account.revocations)) if (key !== '*') assertPublicKey(key, 'user');
  const revocations = Object.entries(account.revocations).sort(([a], [b]) => (a < b ? -1 : 1));
  const { jetstream } = account;
  return signClaims<AccountClaims>(
    {
      name: account.name,
      subject: account.publicKey,
      nats: {
        limits: {
          subs: NO_LIMIT,
          data: NO_LIMIT,
          payload: NO_LIMIT,
          imports: NO_LIMIT,
          exports: NO_LIMIT,
          wildcards: true,
          disallow_bearer: true,
          conn: account.maxConnections ?? NO_LIMIT,
          leaf: account.maxLeafNodes ?? NO_LIMIT,
          mem_storage: jetstream?.maxMemoryBytes ?? 0,
          disk_storage: jetstream?.maxFileBytes ?? 0,
          streams: jetstream?.maxStreams ?? 0,
          consumer: jetstream?.maxConsumers ?? 0,
        },
        signing_keys: unlessEmpty(account.signingKeys),
        revocations: revocations.length > 0 ? Object.fromEntries(revocations) : undefined,
        default_permissions: account.defaultPermissions ? permissionClaims(account.defaultPermissions) : { pub: {}, sub: {} },
        type: 'account',
        version: 2,
      },
    },
    signer,
    clock,
  );
}

/**
 * A user's JWT; never a bearer token: the user proves that it holds its key.
 * @param signer a key of the account, its identity or a signing key
 */
export function signUser(user: User, signer: KeyPair, clock: Clock): string {
  assertPublicKey(user.account, 'account');
  return signClaims<UserClaims>(
    {
      name: user.name,
      subject: user.publicKey,
      expiresAt: user.expiresAt,
      nats: {
        ...permissionClaims(user.permissions),
        subs: NO_LIMIT,
        data: NO_LIMIT,
        payload: NO_LIMIT,
        allowed_connection_types: [...user.allowedConnectionTypes],
        issuer_account: signer.publicKey === user.account ? undefined : user.account,
        type: 'user',
        version: 2,
      },
    },
    signer,
    clock,
  );
}

/** The account with one more user revoked: its JWTs issued up to `at` are refused. A later revocation of the same key stays. */
export function revokeUser(account: Account, userPublicKey: string, at: Date): Account {
  assertPublicKey(userPublicKey, 'user');
  const second = Math.max(account.revocations[userPublicKey] ?? 0, Math.floor(at.getTime() / 1000));
  return { ...account, revocations: { ...account.revocations, [userPublicKey]: second } };
}

const permissionClaims = ({ publish, subscribe }: Permissions): PermissionClaims => ({
  pub: ruleClaims(publish),
  sub: ruleClaims(subscribe),
});

function ruleClaims({ allow, deny }: SubjectRules): { allow?: string[]; deny?: string[] } {
  // A server takes an absent or empty list for "everything".
  if (allow.length === 0) return { deny: ['>'] };
  return { allow: [...allow], deny: unlessEmpty(deny ?? []) };
}

const unlessEmpty = (list: readonly string[]): string[] | undefined => (list.length > 0 ? [...list] : undefined);
