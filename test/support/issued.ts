import { X509Certificate } from 'node:crypto';
import type { KeyRing } from '../../src/platform/encryption/index.js';
import type { TestApp } from './app.js';

/** Something that has an identity: what it was given, and what is live of it on record. */
interface Holder {
  id: string;
  /** PEM, each with its issuer after it; null of what is not there yet. */
  given: (string | null)[];
  /** Sealed, by the name of their column. */
  creds: Record<string, string | null>;
  /** Serials of its certificates that are issued and not of a generation before. */
  serials: string[];
  /** Public keys of its NATS users that are. */
  users: string[];
}

const liveOf = (table: string, column: string, where: string) =>
  `array(select ${column} from ${table} made where made.status = 'issued' and ${where} order by 1)`;

const ofSite = `made.edge_site_id = holder.edge_site_id and made.collector_package_id is null and made.generation >= coalesce(holder.provisioned_generation, 0)`;
const ofCollector = 'made.collector_package_id = holder.id and made.generation >= holder.provisioned_generation';

/** Of one tenant each. */
const HOLDERS: Record<string, string> = {
  nats_leaf_servers: `
    select id, array[leaf_cert_pem, server_cert_pem] as given,
           jsonb_build_object('creds', creds_ciphertext, 'control_creds', control_creds_ciphertext) as creds,
           ${liveOf('certificates', 'serial_number', `${ofSite} and made.onboarding_package_id is null`)} as serials,
           ${liveOf('nats_users', 'public_key', ofSite)} as users
      from nats_leaf_servers holder where tenant_id = ?`,
  collector_packages: `
    select id, array[cert_pem] as given, jsonb_build_object('creds', creds_ciphertext) as creds,
           ${liveOf('certificates', 'serial_number', ofCollector)} as serials, ${liveOf('nats_users', 'public_key', ofCollector)} as users
      from collector_packages holder where tenant_id = ?`,
  onboarding_packages: `
    select id, array[cert_pem] as given, '{}'::jsonb as creds, '{}'::text[] as users,
           ${liveOf('certificates', 'serial_number', 'made.onboarding_package_id = holder.id')} as serials
      from onboarding_packages holder where tenant_id = ?`,
};

/** What a tenant has none of. */
const NONE: Record<string, string> = {
  'certificates of packages that are not there': `
    certificates where status = 'issued' and onboarding_package_id is not null and onboarding_package_id not in (select id from onboarding_packages)`,
  'users that are issued and revoked in their account': `
    nats_users made where status = 'issued' and exists (select from nats_accounts where id = made.account_id and jsonb_exists(revocations, public_key))`,
  'accounts whose signing key is not on record': `
    nats_accounts account
    where not exists (select from nats_account_keys key where key.account_id = account.id and key.status = 'active' and key.public_key = account.signing_key)`,
  'serials that are on record twice': `
    (select from (select serial_number from certificates union all select serial_number from tenant_cas union all select serial_number from platform_cas) made
      group by serial_number having count(*) > 1) twice where true`,
  'CAs that are active beside another': `tenant_cas where status = 'active' and tenant_id in (select tenant_id from tenant_cas where status = 'active' group by 1 having count(*) > 1)`,
  'tenants without an active CA': `tenants where not exists (select from tenant_cas where tenant_id = tenants.id and status = 'active')`,
  'tenants without an account': `tenants where not exists (select from nats_accounts where tenant_id = tenants.id and kind = 'tenant')`,
};

/**
 * Holds all that a tenant has been given against the record: each certificate and each user that is in use is live there, and nothing else is.
 * @returns what is wrong, in sentences
 */
export async function wrongsOf(app: TestApp, keyRing: KeyRing, tenantId: string): Promise<string[]> {
  const sql = <T>(statement: string, values: unknown[] = []) => app.database.database.em('platform').execute<T[]>(statement, values);
  const wrongs: string[] = [];
  for (const [table, query] of Object.entries(HOLDERS)) {
    for (const { id, given, creds, serials, users } of await sql<Holder>(query, [tenantId])) {
      const place = { table, rowId: id, tenantId };
      const opened = Object.entries(creds).flatMap(([column, sealed]) => (sealed === null ? [] : [keyRing.open(sealed, { ...place, column }).reveal()]));
      const has = { certificates: given.filter((pem) => pem !== null).map(serialOf).sort(), users: opened.map(subjectOf).sort() };
      if (`${has.certificates}` !== `${serials}`) wrongs.push(`${table} ${id} has the certificates ${has.certificates}, on record are ${serials}`);
      if (`${has.users}` !== `${users}`) wrongs.push(`${table} ${id} has the users ${has.users}, on record are ${users}`);
    }
  }
  for (const [what, from] of Object.entries(NONE)) {
    const [{ count }] = (await sql<{ count: number }>(`select count(*)::int as count from ${from}`)) as [{ count: number }];
    if (count > 0) wrongs.push(`there are ${count} ${what}`);
  }
  return wrongs;
}

/** Of the first certificate, as the inventory writes it. */
const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber.toLowerCase();

/** Whom the JWT of a .creds file is for: the user's public key. */
export function subjectOf(creds: string): string {
  const [, payload] = /-----BEGIN NATS USER JWT-----\n(\S+)\n/.exec(creds)![1]!.split('.');
  return (JSON.parse(Buffer.from(payload!, 'base64url').toString()) as { sub: string }).sub;
}
