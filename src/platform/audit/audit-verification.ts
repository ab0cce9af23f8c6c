import { IsolationLevel } from '@mikro-orm/postgresql';
import { type Database, type Em, PLATFORM } from '../database/index.js';
import { type Anchor, type AuditRowText, auditHash, ChainCheck, type Fault, type Seal, type SealedRow } from './audit-chain.js';

/** The chain of what was done to the platform itself. */
export const PLATFORM_CHAIN = '00000000-0000-0000-0000-000000000000';

/** How long a row may wait for its seal, in seconds, while a worker runs. */
const SEALED_WITHIN = 60;

/** Seals that are looked at in one go, each of which has up to a thousand rows. */
const BATCH = 20;

/** Microseconds, in UTC: as the hashes are over it. */
const time = (column: string) => `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const ROW_TEXT = `array[e.id::text, e.tenant_id::text, ${time('e.at')}, e.actor, e.action, e.subject_type, e.subject_id::text, e.request_id,
  e.source_address, e.outcome, e.detail::text]`;

const CHAINS = `
  select chain, max(t.slug) as slug from audit_seals left join tenants t on t.id = tenant_id group by chain
  union select id, slug from tenants union select ?::uuid, null order by slug nulls first`;

const SEALS = `
  select s.chain, s.sequence::integer as sequence, ${time('s.sealed_at')} as "sealedAt", encode(s.hash, 'hex') as hash,
         (select json_agg(json_build_object('eventId', sealed.id, 'rowHash', encode(sealed.hash, 'hex'),
                                            'row', case when e.id is null then null else ${ROW_TEXT} end) order by sealed.number)
            from unnest(s.event_ids, s.row_hashes) with ordinality as sealed (id, hash, number) left join audit_events e on e.id = sealed.id) as rows
    from audit_seals s
   where s.chain = ? and s.sequence > ? order by s.sequence limit ?`;

/** What has no seal: rows, and what is known of rows that wait for one. */
const UNSEALED = `
  select coalesce(e.tenant_id, u.tenant_id, ?::uuid) as chain, coalesce(e.id, u.event_id) as "eventId", encode(u.row_hash, 'hex') as "rowHash",
         case when e.id is null then null else to_json(${ROW_TEXT}) end as row, coalesce(e.at < now() - make_interval(secs => ?), false) as "isLate"
    from audit_events e full join audit_unsealed u on u.event_id = e.id
         left join (select unnest(event_ids) as event_id from audit_seals) s on s.event_id = e.id
   where s.event_id is null`;

/** One chain, as it was found. */
export interface VerifiedChain {
  chain: string;
  /** Of the tenant; null for the platform, and for a tenant that is not there any more. */
  slug: string | null;
  /** Undefined when nothing is sealed. */
  head: Anchor | undefined;
  faults: Fault[];
}

export interface Verification {
  chains: VerifiedChain[];
  /** Rows that wait for their seal. */
  waiting: number;
  /** Whether they wait for longer than they should. */
  isSealingLate: boolean;
}

/** A row without a seal; without a hash, when it waits for none. */
interface Unsealed extends Omit<SealedRow, 'rowHash'> {
  chain: string;
  rowHash: string | null;
  isLate: boolean;
}

/** Holds the audit trail against its seals. It computes the hashes itself, and asks the database for nothing but rows. */
export class AuditVerification {
  constructor(private readonly database: Database) {}

  /** @param anchors known from outside of the database, of any chains */
  async run(anchors: readonly Anchor[]): Promise<Verification> {
    // All of it as of one moment.
    const asOfNow = { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true };
    return this.database.em(PLATFORM).transactional(async (em) => this.verify(em as Em, anchors), asOfNow);
  }

  private async verify(em: Em, anchors: readonly Anchor[]): Promise<Verification> {
    // The more rows there are, the longer it takes.
    await em.execute('set local statement_timeout = 0');
    const found: { chain: string; slug: string | null }[] = await em.execute(CHAINS, [PLATFORM_CHAIN]);
    const slugs = new Map([...anchors, ...found].map((one) => [one.chain, 'slug' in one ? one.slug : null]));
    const chains: VerifiedChain[] = [];
    for (const [chain, slug] of slugs) chains.push({ slug, ...(await this.follow(em, chain, anchors)) });
    const unsealed: Unsealed[] = await em.execute(UNSEALED, [PLATFORM_CHAIN, SEALED_WITHIN]);
    for (const row of unsealed) chains.find(({ chain }) => chain === row.chain)?.faults.push(...faultsOf(row));
    return { chains, waiting: unsealed.length, isSealingLate: unsealed.some(({ isLate }) => isLate) };
  }

  private async follow(em: Em, chain: string, anchors: readonly Anchor[]): Promise<Omit<VerifiedChain, 'slug'>> {
    const check = new ChainCheck(chain, anchors.filter((anchor) => anchor.chain === chain));
    for (let last = 0; ; ) {
      const seals: Seal[] = await em.execute(SEALS, [chain, last, BATCH]);
      if (seals.length === 0) break;
      seals.forEach((seal) => check.follow(seal));
      last = seals.at(-1)!.sequence;
    }
    check.end();
    return { chain, head: check.head, faults: check.faults };
  }
}

function faultsOf({ chain, eventId, rowHash, row }: Unsealed): Fault[] {
  const problem = problemOf(eventId, rowHash, row);
  return problem === undefined ? [] : [{ chain, sequence: null, problem }];
}

function problemOf(eventId: string, rowHash: string | null, row: AuditRowText | null): string | undefined {
  if (row === null) return `the row ${eventId} was removed before it was sealed`;
  if (rowHash === null) return `the row ${eventId} has no seal and waits for none: it was inserted past the trail, or its seal was removed`;
  return auditHash(row) === rowHash ? undefined : `the row ${eventId} was changed before it was sealed`;
}
