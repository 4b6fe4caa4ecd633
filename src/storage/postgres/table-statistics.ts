import { sql, type Kysely } from 'kysely'
import type { RepositoryStatistics } from '../repository.ts'
import type { Tables } from '../sql/tables.ts'

/** Up to here counting is quick. */
const COUNTED_ROWS = 100_000

interface Count {
  readonly rows: number
  readonly isEstimate: boolean
}

export async function tableStatistics(db: Kysely<Tables>, schema: string): Promise<RepositoryStatistics> {
  const candles = await countOf(db, schema, 'market_data')
  const trades = await countOf(db, schema, 'trades')
  const frames = await countOf(db, schema, 'raw_frames')
  const cursors = await countOf(db, schema, 'tape_cursors')
  const gaps = await countOf(db, schema, 'tape_gaps')
  return {
    rows: { candles: candles.rows, trades: trades.rows, frames: frames.rows, cursors: cursors.rows, gaps: gaps.rows },
    isEstimate: [candles, trades, frames, cursors, gaps].some(({ isEstimate }) => isEstimate),
    bytes: await bytesOf(db, schema),
    evicted: 0,
  }
}

async function countOf(db: Kysely<Tables>, schema: string, table: keyof Tables): Promise<Count> {
  const name = sql.id(schema, table)
  const counted = await sql<{
    rows: number
  }>`SELECT count(*) AS rows FROM (SELECT FROM ${name} LIMIT ${COUNTED_ROWS + 1}) AS counted`.execute(db)
  const rows = counted.rows[0]?.rows ?? 0
  if (rows <= COUNTED_ROWS) return { rows, isEstimate: false }
  // The planner's guess goes by the size of the table on the disk, also where it was never analysed, and over all chunks of a hypertable.
  const plan = await sql<{ 'QUERY PLAN': string }>`EXPLAIN (FORMAT JSON) SELECT FROM ${name}`.execute(db)
  const [estimate] = JSON.parse(plan.rows[0]?.['QUERY PLAN'] ?? '[]') as { readonly Plan: { readonly 'Plan Rows': number } }[]
  return { rows: Math.max(rows, estimate?.Plan['Plan Rows'] ?? 0), isEstimate: true }
}

/** With indexes, and with the chunks of hypertables, which inherit from them. */
async function bytesOf(db: Kysely<Tables>, schema: string): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    WITH ours AS (
      SELECT pg_class.oid FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE nspname = ${schema} AND relname IN ('market_data', 'trades', 'raw_frames', 'tape_cursors', 'tape_gaps')
    )
    SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint AS bytes
    FROM (SELECT oid FROM ours UNION SELECT inhrelid FROM pg_inherits JOIN ours ON ours.oid = inhparent) AS tables`.execute(db)
  return rows[0]?.bytes ?? 0
}
