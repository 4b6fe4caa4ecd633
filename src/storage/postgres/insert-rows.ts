import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { PointOf } from '../../domain/market-data.ts'
import type { Market, StoredFrame, WriteResult } from '../repository.ts'
import { frameValues, tradeValues, type SqlValue } from '../sql/row-values.ts'
import type { Tables } from '../sql/tables.ts'
import { bulkRows, firstOfEach, inKeyOrder, names, type BulkColumns } from './bulk-rows.ts'
import { isDuplicate } from './database-fault.ts'
import { RAW_FRAMES, TRADES } from './postgres-tables.ts'

/** A table whose rows are kept as they came first. */
interface Keepsakes<Row> {
  readonly table: 'trades' | 'raw_frames'
  readonly columns: BulkColumns
  /** Of the key without the time; the first of `columns`. */
  readonly keyColumns: number
  readonly time: string
  readonly valuesOf: (row: Row) => SqlValue[]
}

export const TRADE_ROWS: Keepsakes<PointOf<'trade'>> = {
  table: 'trades',
  columns: TRADES,
  keyColumns: 3,
  time: 'timestamp',
  valuesOf: tradeValues,
}

export const FRAME_ROWS: Keepsakes<StoredFrame> = {
  table: 'raw_frames',
  columns: RAW_FRAMES,
  keyColumns: 3,
  time: 'received_at',
  valuesOf: storableFrame,
}

/** What is there stays, and of equal rows in the batch the first is taken. */
export type InsertRows = <Row extends Market>(
  db: Kysely<Tables>,
  schema: string,
  kind: Keepsakes<Row>,
  rows: readonly Row[],
) => Promise<WriteResult>

/**
 * Rows are new as a rule, and to look first whether each is there costs the server half as much again as to insert it. So it is told to
 * look only after rows were there already, until a batch is all new: a replay of many batches fails once (`isDuplicate`), and is then
 * given again, in a transaction of its own.
 */
export function createInsertRows(): InsertRows {
  const replayed = new Set<keyof Tables>()
  return async (db, schema, { table, columns, keyColumns, valuesOf }, rows) => {
    const values = firstOfEach(inKeyOrder(rows.map(valuesOf), keyColumns), keyColumns)
    const insert = sql`
      INSERT INTO ${sql.id(schema, table)} (${names(columns)}) SELECT ${names(columns)} FROM ${bulkRows(columns, values)}`
    if (!replayed.has(table)) {
      try {
        return resultOf(await affected(db, insert), rows.length)
      } catch (error) {
        if (isDuplicate(error)) replayed.add(table)
        throw error
      }
    }
    const inserted = await affected(db, sql`${insert} ON CONFLICT DO NOTHING`)
    if (inserted === values.length) replayed.delete(table)
    return resultOf(inserted, rows.length)
  }
}

/** Where the key contains the time: see `makeHypertables`. */
export const insertIntoHypertable: InsertRows = async (db, schema, { table, columns, keyColumns, time, valuesOf }, rows) => {
  const name = sql.id(schema, table)
  const isSame = columns.slice(0, keyColumns).map(([column]) => sql`there.${sql.ref(column)} = rows.${sql.ref(column)}`)
  const [there, mine] = [sql.ref(`there.${time}`), sql.ref(`rows.${time}`)]
  const values = firstOfEach(inKeyOrder(rows.map(valuesOf), keyColumns), keyColumns)
  const insert = sql`
    INSERT INTO ${name} (${names(columns)})
    SELECT ${names(columns)} FROM ${bulkRows(columns, values)}
    WHERE NOT EXISTS (
      SELECT FROM ${name} AS there WHERE ${sql.join(isSame, sql` AND `)}
        AND ${there} BETWEEN ${mine} - interval '1 day' AND ${mine} + interval '1 day'
    )
    ON CONFLICT DO NOTHING`
  const markets = new Set(rows.map(({ exchange, symbol }) => JSON.stringify([schema, table, exchange, symbol])))
  // Sorted, so that two writers of the same markets do not wait in a circle; statements of their own, so that the next one sees
  // what the writer before has left.
  for (const market of [...markets].sort())
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`tapekeeper ${market}`}, 0))`.execute(db)
  return resultOf(await affected(db, insert), rows.length)
}

/** In the order of `RAW_FRAMES`. */
function storableFrame(frame: StoredFrame): SqlValue[] {
  const values = frameValues(frame)
  if (!frame.text.includes('\0')) return [...values, null]
  return [...values.slice(0, -1), null, `\\x${Buffer.from(frame.text).toString('hex')}`]
}

const affected = async (db: Kysely<Tables>, statement: RawBuilder<unknown>): Promise<number> =>
  Number((await statement.execute(db)).numAffectedRows ?? 0)

const resultOf = (inserted: number, rows: number): WriteResult => ({ inserted, kept: rows - inserted, overwritten: 0 })
