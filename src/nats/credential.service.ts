import { LockMode } from '@mikro-orm/postgresql';
import { Inject, Injectable } from '@nestjs/common';
import { type Clock, DomainError, newId, type Random, type Secret } from '#libs/kernel';
import { NatsAccount, NatsUser, type NatsUserPurpose } from '#libs/model';
import {
  type ConnectionType,
  createKeyPair,
  formatCreds,
  type KeyPair,
  leafControlPermissions,
  leafUserPermissions,
  type Permissions,
  publisherPermissions,
  signUser,
} from '#libs/nats';
import { Audit } from '../platform/audit/index.js';
import type { Caller } from '../platform/auth/index.js';
import { CLOCK, RANDOM } from '../platform/clock.js';
import { Database, type Em, type Where } from '../platform/database/index.js';
import { AccountService } from './account.service.js';

/** Intents that are closed at once. */
const FORGOTTEN_BATCH = 200;

/** A user whose key is on record, with the key, which is nowhere else. */
export interface IntendedUser {
  user: NatsUser;
  keyPair: KeyPair;
}

interface NewLeafUser {
  tenantId: string;
  edgeSiteId: string;
  siteSlug: string;
  jetstreamDomain: string;
  generation: number;
  expiresAt: Date;
}

interface NewCollectorUser {
  tenantId: string;
  name: string;
  collectorPackageId: string;
  /** Of the package. */
  generation: number;
  edgeSiteId: string | null;
  /** What it may publish. */
  subjects: readonly string[];
  expiresAt: Date;
}

/** Whose users. A collector's stand under its site as well, but are not the site's own. */
type UserHolder = { edgeSiteId: string | string[]; generation?: number } | { collectorPackageId: string };
type NewControlUser = Omit<NewLeafUser, 'jetstreamDomain'>;

interface NewPersonUser {
  tenantId: string;
  name: string;
  permissions: Permissions;
  expiresAt: Date;
}

interface NewUser extends NewPersonUser {
  purpose: NatsUserPurpose;
  edgeSiteId?: string | null;
  generation?: number;
  collectorPackageId?: string;
}

/** A leaf's user is refused as a client, and a person's as a leaf. */
const CONNECTION_TYPES: Record<NatsUserPurpose, ConnectionType[]> = {
  leaf: ['LEAFNODE'],
  leaf_control: ['LEAFNODE'],
  collector: ['STANDARD'],
  person: ['STANDARD'],
};

/**
 * NATS users. As with certificates, the key is on record before its JWT is signed: `intend`, commit, `sign`, `issue`; and
 * `abandon` for what a run that was cut short left behind.
 */
@Injectable()
export class CredentialService {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountService,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /** Records the user of one generation of a leaf. Commit before calling `sign`. */
  async intendLeafUser(em: Em, user: NewLeafUser): Promise<IntendedUser> {
    const [intended] = await this.intendLeafUsers(em, [user]);
    return intended!;
  }

  /** As `intendLeafUser`, for several leaves of one tenant. */
  async intendLeafUsers(em: Em, users: readonly NewLeafUser[]): Promise<IntendedUser[]> {
    const account = await this.accounts.accountOf(em, users[0]!.tenantId);
    const asked = users.map(({ siteSlug, jetstreamDomain, ...rest }) => ({
      ...rest,
      purpose: 'leaf' as const,
      name: `leaf-${siteSlug}-g${rest.generation}`,
      permissions: leafUserPermissions({ site: siteSlug, jetstreamDomain }),
    }));
    return this.intend(em, account, asked);
  }

  /**
   * Records the users, one for each leaf's generation, over which leaves learn of new JWTs of their tenant's account, and are asked who is
   * connected in it.
   * @param control the tenant's control account
   */
  async intendControlUsers(em: Em, control: NatsAccount, users: readonly NewControlUser[]): Promise<IntendedUser[]> {
    const { publicKey } = await this.accounts.accountOf(em, control.tenantId);
    const asked = users.map(({ siteSlug, ...rest }) => ({
      ...rest,
      purpose: 'leaf_control' as const,
      name: `leaf-control-${siteSlug}-g${rest.generation}`,
      permissions: leafControlPermissions({ account: publicKey }),
    }));
    return this.intend(em, control, asked);
  }

  /** Records the user of a collector. Commit before calling `sign`. */
  async intendCollectorUser(em: Em, { subjects, ...user }: NewCollectorUser): Promise<IntendedUser> {
    const account = await this.accounts.accountOf(em, user.tenantId);
    const [intended] = this.intend(em, account, [{ ...user, purpose: 'collector', permissions: publisherPermissions(subjects) }]);
    return intended!;
  }

  /** Records the user of a person or a test. Commit before calling `sign`. */
  async intendPersonUser(em: Em, user: NewPersonUser): Promise<IntendedUser> {
    const account = await this.accounts.accountOf(em, user.tenantId);
    const [intended] = this.intend(em, account, [{ ...user, purpose: 'person' }]);
    return intended!;
  }

  /**
   * Signs the JWT of a user that is on record. Writes nothing.
   * @returns the text of a .creds file
   * @throws DomainError `conflict` (retryable, with a new intent) when the intent was not committed or is no longer open
   */
  async sign(user: NatsUser, keyPair: KeyPair): Promise<Secret> {
    const [creds] = await this.signAll([{ user, keyPair }]);
    return creds!;
  }

  /**
   * As `sign`, for users of one tenant: all of them are looked up at once.
   * @param within a transaction of its own, begun after the intents were committed; absent for a single look-up
   */
  async signAll(intended: readonly IntendedUser[], within?: Em): Promise<Secret[]> {
    const { tenantId } = intended[0]!.user;
    const em = within ?? this.database.em({ tenantId });
    const rows = await em.find(NatsUser, { id: intended.map(({ user }) => user.id) }, { disableIdentityMap: true });
    const recorded = new Map(rows.map((row) => [row.publicKey, row]));
    const accounts = await em.find(NatsAccount, { id: [...new Set(rows.map(({ accountId }) => accountId))] });
    const signers = new Map(accounts.map((account) => [account.id, { account, signer: this.accounts.signingKey(account) }]));
    return intended.map(({ user, keyPair }) => {
      const row = recorded.get(keyPair.publicKey);
      if (row?.status !== 'intended') throw notOpen(user);
      const { account, signer } = signers.get(row.accountId)!;
      // Another key signs by now, and the one on record may be gone before this user is.
      if ((row.signingKey ?? signer.publicKey) !== signer.publicKey) throw notOpen(user);
      return formatCreds({ jwt: this.jwtOf(row, account, signer), keyPair });
    });
  }

  /** @throws DomainError `conflict` (retryable, with a new intent) when the user was abandoned or revoked meanwhile */
  async issue(em: Em, user: NatsUser): Promise<NatsUser> {
    const [issued] = await this.issueAll(em, [user]);
    return issued!;
  }

  /**
   * As `issue`, for several at once.
   * @param operatorRevision of the operator's JWT in the bundle that they are in, if they are in one that has it
   */
  async issueAll(em: Em, users: readonly NatsUser[], operatorRevision: number | null = null): Promise<NatsUser[]> {
    const where = { id: users.map(({ id }) => id) };
    const rows = await em.find(NatsUser, where, { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } });
    const byId = new Map(rows.map((row) => [row.id, row]));
    return users.map((user) => {
      const row = byId.get(user.id);
      if (row?.status !== 'intended') throw notOpen(user);
      row.apply('ISSUE');
      row.operatorRevision = operatorRevision;
      return row;
    });
  }

  /** Closes intents that nobody will complete. What may have been signed for them was given to nobody. */
  async abandon(em: Em, holder: UserHolder): Promise<void> {
    const where = { ...heldBy(holder), status: 'intended' as const };
    const left = await em.find(NatsUser, where, { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } });
    for (const user of left) user.apply('ABANDON');
  }

  /** As of `CertificateService`. */
  async abandonForgotten(em: Em, before: Date): Promise<number> {
    const where = { status: 'intended' as const, createdAt: { $lt: before } };
    const left = await em.find(NatsUser, where, { lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE, orderBy: { createdAt: 'asc' }, limit: FORGOTTEN_BATCH });
    for (const user of left) user.apply('ABANDON');
    return left.length;
  }

  /**
   * Revokes a site's users.
   *
   * @param upToGeneration the last generation to revoke; all of them when absent
   * @returns the accounts to `announce` when the transaction is committed; none when there was nothing to revoke
   */
  async revokeOfSite(
    em: Em,
    caller: Caller,
    edgeSiteId: string,
    { upToGeneration }: { upToGeneration?: number } = {},
  ): Promise<NatsAccount[]> {
    const upTo = upToGeneration === undefined ? {} : { generation: { $lte: upToGeneration } };
    return this.revokeWhere(em, caller, { ...heldBy({ edgeSiteId }), ...upTo });
  }

  /** As `revokeOfSite`, for a collector's users. */
  revokeOfCollector(
    em: Em,
    caller: Caller,
    collectorPackageId: string,
    { upToGeneration }: { upToGeneration?: number } = {},
  ): Promise<NatsAccount[]> {
    // Those of the first generation have none, where it is older than generations are.
    const upTo = upToGeneration === undefined ? {} : { $or: [{ generation: null }, { generation: { $lte: upToGeneration } }] };
    return this.revokeWhere(em, caller, { collectorPackageId, ...upTo });
  }

  /** The revision of the operator's JWT in the bundle of one generation of a leaf; 0 when it is not known. */
  async operatorRevisionOf(em: Em, edgeSiteId: string, generation: number): Promise<number> {
    const user = await em.findOne(NatsUser, { edgeSiteId, generation, purpose: 'leaf_control', status: ['issued', 'revoked'] });
    return user?.operatorRevision ?? 0;
  }

  /** @param users of one tenant, loaded by `em` @returns the accounts to `announce` when the transaction is committed */
  async revokeAll(em: Em, caller: Caller, users: readonly NatsUser[]): Promise<NatsAccount[]> {
    const accounts = await this.accounts.revokeUsers(em, users);
    for (const { id, name } of users) {
      this.audit.record(em, caller, { action: 'nats_user.revoke', subjectType: 'nats_user', subjectId: id, detail: { name } });
    }
    return accounts;
  }

  private intend(em: Em, account: NatsAccount, users: readonly NewUser[]): IntendedUser[] {
    return users.map(({ permissions, ...user }) => {
      const keyPair = createKeyPair('user', this.random);
      const row = Object.assign(new NatsUser(), {
        id: newId(this.clock, this.random),
        accountId: account.id,
        status: 'intended',
        publicKey: keyPair.publicKey,
        signingKey: account.signingKey,
        publish: [...permissions.publish.allow],
        subscribe: [...permissions.subscribe.allow],
        revokedAt: null,
        edgeSiteId: null,
        generation: null,
        collectorPackageId: null,
        operatorRevision: null,
        createdAt: this.clock.now(),
        ...user,
      });
      em.persist(row);
      return { user: row, keyPair };
    });
  }

  private jwtOf(user: NatsUser, account: NatsAccount, signer: KeyPair): string {
    return signUser(
      {
        name: user.name,
        publicKey: user.publicKey,
        account: account.publicKey,
        permissions: { publish: { allow: user.publish }, subscribe: { allow: user.subscribe } },
        allowedConnectionTypes: CONNECTION_TYPES[user.purpose],
        expiresAt: user.expiresAt ?? undefined,
      },
      signer,
      this.clock,
    );
  }

  private async revokeWhere(em: Em, caller: Caller, where: Where<NatsUser>): Promise<NatsAccount[]> {
    const users = await em.find(
      NatsUser,
      { $and: [where, { status: ['intended', 'issued'] }] } as Where<NatsUser>,
      { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } },
    );
    return users.length === 0 ? [] : this.revokeAll(em, caller, users);
  }
}

const heldBy = (holder: UserHolder) => ('edgeSiteId' in holder ? { ...holder, collectorPackageId: null } : holder);

/** Another run of the same work took over, or what it was for is gone. */
const notOpen = ({ id }: NatsUser) =>
  new DomainError('conflict', 'The intent to issue this NATS user is not on record, or no longer open.', {
    context: { natsUser: id },
    retryable: true,
  });
