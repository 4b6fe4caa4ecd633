import { sql, type CreateTableBuilder, type Expression, type Kysely, type Migration } from 'kysely'

type ColumnType = 'text' | 'decimal' | 'time' | 'integer' | 'flag' | 'body'

/** What a dialect calls the types of our columns, and what it adds to tables. */
export interface SqlDialect {
  /**
   * - `text`: compared byte by byte
   * - `decimal`: exact, with its trailing zeros
   * - `time`: milliseconds, with microseconds as a fraction
   * - `body`: the text of a frame, which may hold any character
   */
  readonly types: Readonly<Record<ColumnType, Expression<unknown>>>
  /** Written behind a table whose rows may lie in the order of their primary key. */
  readonly clustered?: Expression<unknown> | undefined
}

/** Where the Migrator notes what has been run. */
export const MIGRATION_TABLES = {
  migrationTableName: 'tapekeeper_migrations',
  migrationLockTableName: 'tapekeeper_migrations_lock',
} as const

/** By name, run in the order of the names. A migration that was published is never changed: the next one amends it. */
export function sharedMigrations(dialect: SqlDialect): Readonly<Record<string, Migration>> {
  return {
    '0001_tables': { up: (db: Kysely<unknown>) => createTables(db, dialect) },
    '0002_gaps': { up: (db: Kysely<unknown>) => createGaps(db, dialect) },
  }
}

type Column = readonly [name: string, type: ColumnType, nullable?: 'null']

const MARKET_DATA: readonly Column[] = [
  ['exchange', 'text'],
  ['symbol', 'text'],
  ['timeframe', 'text'],
  ['open_time', 'time'],
  ['close_time', 'time'],
  ['open', 'decimal'],
  ['high', 'decimal'],
  ['low', 'decimal'],
  ['close', 'decimal'],
  ['volume', 'decimal'],
  ['quote_volume', 'decimal', 'null'],
  ['taker_buy_volume', 'decimal', 'null'],
  ['trades_count', 'integer', 'null'],
  ['status', 'text'],
  ['complete', 'flag'],
  ['incomplete_reason', 'text', 'null'],
  ['source', 'text'],
]

const TRADES: readonly Column[] = [
  ['exchange', 'text'],
  ['symbol', 'text'],
  ['trade_id', 'text'],
  ['id_length', 'integer'],
  ['timestamp', 'time'],
  ['received_at', 'time'],
  ['price', 'decimal'],
  ['size', 'decimal'],
  ['side', 'text'],
  ['count', 'integer', 'null'],
  ['backfilled', 'flag'],
]

const RAW_FRAMES: readonly Column[] = [
  ['exchange', 'text'],
  ['symbol', 'text'],
  ['frame_id', 'text'],
  ['id_length', 'integer'],
  ['data_type', 'text'],
  ['topic', 'text'],
  ['received_at', 'time'],
  ['text', 'body'],
]

const TAPE_CURSORS: readonly Column[] = [
  ['stream', 'text'],
  ['trade_id', 'text'],
  ['timestamp', 'time'],
  ['state', 'text', 'null'],
]

const TAPE_GAPS: readonly Column[] = [
  ['stream', 'text'],
  ['gap_key', 'text'],
  ['exchange', 'text'],
  ['symbol', 'text'],
  ['from_id', 'text', 'null'],
  ['to_id', 'text', 'null'],
  ['from_time', 'time', 'null'],
  ['to_time', 'time', 'null'],
  ['missing', 'integer', 'null'],
  ['reason', 'text'],
  ['announced_at', 'time'],
  ['filled_at', 'time', 'null'],
]

type TableMaker = (name: string, columns: readonly Column[]) => CreateTableBuilder<string, string>

function tableMakers(
  db: Kysely<unknown>,
  { types, clustered }: SqlDialect,
): { readonly table: TableMaker; readonly clusteredTable: TableMaker } {
  const table: TableMaker = (name, columns) =>
    columns.reduce<CreateTableBuilder<string, string>>(
      (builder, [column, type, nullable]) =>
        builder.addColumn(column, types[type], (definition) => (nullable === undefined ? definition.notNull() : definition)),
      db.schema.createTable(name),
    )
  return {
    table,
    clusteredTable: (name, columns) =>
      clustered === undefined ? table(name, columns) : table(name, columns).modifyEnd(clustered),
  }
}

async function createTables(db: Kysely<unknown>, dialect: SqlDialect): Promise<void> {
  const { table, clusteredTable } = tableMakers(db, dialect)

  await clusteredTable('market_data', MARKET_DATA)
    .addPrimaryKeyConstraint('market_data_key', ['exchange', 'symbol', 'timeframe', 'open_time'])
    .execute()

  // Rows lie in the order in which they are read, so that a range is read from one place; that an id comes once is a second index.
  await clusteredTable('trades', TRADES)
    .addPrimaryKeyConstraint('trades_in_time', ['exchange', 'symbol', 'timestamp', 'id_length', 'trade_id'])
    .execute()
  await db.schema.createIndex('trades_by_id').unique().on('trades').columns(['exchange', 'symbol', 'trade_id']).execute()

  // Frames are too long to lie in an index.
  await table('raw_frames', RAW_FRAMES).addPrimaryKeyConstraint('raw_frames_key', ['frame_id']).execute()
  const inTime = ['exchange', 'symbol', 'received_at', 'id_length', 'frame_id']
  await db.schema.createIndex('raw_frames_in_time').on('raw_frames').columns(inTime).execute()

  await clusteredTable('tape_cursors', TAPE_CURSORS).addPrimaryKeyConstraint('tape_cursors_key', ['stream']).execute()
}

async function createGaps(db: Kysely<unknown>, dialect: SqlDialect): Promise<void> {
  await tableMakers(db, dialect)
    .clusteredTable('tape_gaps', TAPE_GAPS)
    .addPrimaryKeyConstraint('tape_gaps_key', ['stream', 'gap_key'])
    .execute()
  // Those that were filled become many, and nobody asks for them at a start.
  await db.schema.createIndex('tape_gaps_open').on('tape_gaps').column('stream').where(sql.ref('filled_at'), 'is', null).execute()
}
