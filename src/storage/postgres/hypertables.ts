import { sql, type Kysely } from 'kysely'
import type { Tables } from '../sql/tables.ts'

/**
 * What TimescaleDB changes. It cuts a table into chunks by time, and cannot keep a key unique across chunks: every unique key has to
 * contain the time.
 *
 * - candles: their key contains the time anyway. Nothing changes
 * - trades: the key becomes (exchange, symbol, trade id, time). An exchange may tell one trade with two times, live to the microsecond
 *   and over REST to the millisecond, and the key would let both in. So writers of one market take turns, and a trade counts as there
 *   when one with its id lies within a day of its time (`insertIntoHypertable`). Beyond that day an id stands for another trade
 * - frames: the same with the time of receipt
 *
 * It is decided when the tables are made. Tables that are there already stay as they are when the extension comes later.
 */
export async function makeHypertables(db: Kysely<Tables>, schema: string): Promise<void> {
  const { rows } = await sql<{ schema: string }>`
    SELECT nspname AS schema FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'timescaledb'`.execute(
    db,
  )
  const [extension] = rows
  if (extension === undefined) return

  const [trades, frames] = [sql.id(schema, 'trades'), sql.id(schema, 'raw_frames')]
  await sql`DROP INDEX ${sql.id(schema, 'trades_by_id')}`.execute(db)
  await sql`CREATE UNIQUE INDEX trades_by_id ON ${trades} (exchange, symbol, trade_id, timestamp)`.execute(db)
  await sql`
    ALTER TABLE ${frames}
      DROP CONSTRAINT raw_frames_key,
      ADD CONSTRAINT raw_frames_key PRIMARY KEY (exchange, symbol, frame_id, received_at)`.execute(db)

  const create = sql.id(extension.schema, 'create_hypertable')
  for (const [table, column, chunk] of HYPERTABLES) {
    const name = sql`format('%I.%I', ${schema}::text, ${table}::text)::regclass`
    await sql`SELECT ${create}(${name}, ${column}::name, chunk_time_interval => ${chunk}::interval)`.execute(db)
  }
}

/** A day of frames is much, a month of candles is little. */
const HYPERTABLES = [
  ['trades', 'timestamp', '1 day'],
  ['market_data', 'open_time', '30 days'],
  ['raw_frames', 'received_at', '1 day'],
] as const

/** Whether the keys of trades and frames contain the time. */
export async function hasHypertables(db: Kysely<Tables>, schema: string): Promise<boolean> {
  const { rows } = await sql<{ columns: number }>`
    SELECT indnkeyatts AS columns FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = ${schema} AND relname = 'trades_by_id'`.execute(db)
  return rows[0]?.columns === 4
}
