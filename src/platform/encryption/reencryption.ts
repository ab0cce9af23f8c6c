import { type Database, type Em, PLATFORM } from '../database/index.js';
import type { KeyRing, Place } from './key-ring.js';

/** A column that holds what a `KeyRing` sealed: a text, or the bytes of a sealed stream. */
export interface CiphertextColumn {
  table: string;
  column: string;
  kind: 'text' | 'stream';
}

/** How many ciphertexts there are in which format, under which key. */
export interface KeyUse extends CiphertextColumn {
  format: string;
  keyId: string;
  count: number;
}

const ENDING = '_ciphertext';
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Rows that are read at once. A sealed stream is an archive of some ten kilobytes. */
const BATCH: Record<CiphertextColumn['kind'], number> = { text: 200, stream: 20 };

type Ciphertext = string | Buffer;

interface SealedRow {
  id: string;
  tenantId: string | null;
  sealed: Ciphertext;
}

/**
 * Brings what is sealed in the database under the first key and into the newest format, while the service goes on. Each ciphertext is replaced only if it is still the
 * one that was read, so that nothing newer is lost; what is done already is passed over, so that it can be broken off and run again.
 */
export class Reencryption {
  constructor(
    private readonly database: Database,
    private readonly keyRing: KeyRing,
  ) {}

  /** All columns of all entities whose name ends in `_ciphertext`. */
  columns(): CiphertextColumn[] {
    return this.entities()
      .flatMap(({ tableName, props }) =>
        props
          .flatMap(({ fieldNames = [], columnTypes = [] }) => fieldNames.map((column, at) => ({ column, type: columnTypes[at] })))
          .filter(({ column }) => column.endsWith(ENDING))
          .map(({ column, type }) => ({ table: tableName, column, kind: type === 'bytea' ? ('stream' as const) : ('text' as const) })),
      )
      .sort((a, b) => `${a.table}.${a.column}`.localeCompare(`${b.table}.${b.column}`));
  }

  /**
   * Re-encrypts what one column holds under other keys, or in an earlier format. What was not bound to a tenant is bound to whose row it is in.
   * @returns how many were replaced
   * @throws DomainError `internal` when a ciphertext does not open: its key is not in the ring, or it was changed or moved
   */
  async run(column: CiphertextColumn): Promise<number> {
    let replaced = 0;
    for (let lastId = FIRST_ID; ; ) {
      const rows = await this.page(column, lastId);
      if (rows.length === 0) return replaced;
      for (const row of rows) if (await this.replace(column, row)) replaced++;
      lastId = rows.at(-1)!.id;
    }
  }

  /** In which formats and under which keys the ciphertexts of a column are now. */
  async uses(column: CiphertextColumn): Promise<KeyUse[]> {
    const text = column.kind === 'text' ? column.column : `encode(substring(${column.column} from 1 for 64), 'escape')`;
    const sql = `select split_part(${text}, ':', 1) as "format", split_part(${text}, ':', 2) as "keyId", count(*)::integer as "count"
                   from ${column.table} where ${column.column} is not null group by 1, 2 order by 1, 2`;
    const rows: { format: string; keyId: string; count: number }[] = await this.em().execute(sql);
    return rows.map((row) => ({ ...column, ...row }));
  }

  private page({ table, column, kind }: CiphertextColumn, lastId: string): Promise<SealedRow[]> {
    const head = this.keyRing.writingHead;
    const start = kind === 'text' ? `left(${column}, ?)` : `substring(${column} from 1 for ?)`;
    const sql = `select id, ${this.tenantOf(table)} as "tenantId", ${column} as "sealed" from ${table} where id > ? and ${start} <> ? order by id limit ?`;
    return this.em().execute(sql, [lastId, head.length, kind === 'text' ? head : Buffer.from(head), BATCH[kind]]);
  }

  /** @returns false when it was written anew or removed meanwhile */
  private async replace({ table, column }: CiphertextColumn, { id, tenantId, sealed }: SealedRow): Promise<boolean> {
    const resealed = await this.reseal({ table, column, rowId: id, tenantId }, sealed);
    const sql = `update ${table} set ${column} = ? where id = ? and ${column} = ? returning id`;
    return ((await this.em().execute(sql, [resealed, id, sealed])) as unknown[]).length === 1;
  }

  private async reseal(named: Place, sealed: Ciphertext): Promise<Ciphertext> {
    // Most ciphertexts are bound to what the column is called without its ending, those of CAs to its whole name.
    const short = { ...named, column: named.column.slice(0, -ENDING.length) };
    const place = this.opens(named, sealed) ? named : short;
    if (typeof sealed === 'string') return this.keyRing.seal(this.keyRing.open(sealed, place), place);
    return this.keyRing.sealStream(piecesOf(this.keyRing.openStream(sealed, place)), place);
  }

  private opens(place: Place, sealed: Ciphertext): boolean {
    try {
      if (typeof sealed === 'string') this.keyRing.open(sealed, place);
      else this.keyRing.openStream(sealed, place)[Symbol.iterator]().next();
      return true;
    } catch {
      return false;
    }
  }

  private entities() {
    return [...this.em().getMetadata().getAll().values()];
  }

  /** Whose a row of the table is, in SQL. */
  private tenantOf(table: string): string {
    const entity = this.entities().find(({ tableName }) => tableName === table);
    return entity?.props.some(({ name }) => name === 'tenantId') ? 'tenant_id' : 'null';
  }

  private em(): Em {
    return this.database.em(PLATFORM);
  }
}

async function* piecesOf(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* pieces;
}
