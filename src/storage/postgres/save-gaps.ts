import { sql, type Kysely } from 'kysely'
import type { Gap } from '../../domain/gap.ts'
import { decideGap, gapKey } from '../../domain/stored-gaps.ts'
import type { WriteResult } from '../repository.ts'
import { gapKeyValues, gapValues, type SqlValue } from '../sql/row-values.ts'
import type { GapRow, Tables } from '../sql/tables.ts'
import { bulkRows, firstOfEach, inKeyOrder, names } from './bulk-rows.ts'
import { TAPE_GAPS, TAPE_GAPS_KEY } from './postgres-tables.ts'

const KEY_COLUMNS = TAPE_GAPS_KEY.length

/**
 * The rules are those of `decideGap`, asked while the rows in question are locked: first what is not there is inserted, then what was
 * there is locked and looked at, then what was filled is closed. All rows in the order of their keys, so that writers never wait in a
 * circle.
 */
export async function saveGaps(db: Kysely<Tables>, schema: string, gaps: readonly Gap[]): Promise<WriteResult> {
  const table = sql.id(schema, 'tape_gaps')
  const inOrder = inKeyOrder(gaps.map(gapValues), KEY_COLUMNS)
  const result = { inserted: 0, kept: 0, overwritten: 0 }

  const fresh = await sql<GapRow>`
      INSERT INTO ${table} (${names(TAPE_GAPS)})
      SELECT ${names(TAPE_GAPS)} FROM ${bulkRows(TAPE_GAPS, firstOfEach(inOrder, KEY_COLUMNS))}
      ON CONFLICT DO NOTHING RETURNING ${names(TAPE_GAPS_KEY)}`.execute(db)
  const isFresh = new Set(fresh.rows.map(keyOfRow))
  const stored = new Map<string, Pick<Gap, 'filled'>>()
  for (const row of await lockRows(
    db,
    schema,
    gaps.filter((gap) => !isFresh.has(keyOf(gap))),
  ))
    stored.set(keyOfRow(row), { filled: row.filled_at !== null })

  const closed = new Map<string, SqlValue[]>()
  for (const gap of gaps) {
    const key = keyOf(gap)
    const decision = decideGap(stored.get(key), gap)
    if (decision === 'keep') result.kept++
    else if (decision === 'insert') result.inserted++
    else {
      result.overwritten++
      closed.set(key, gapValues(gap))
    }
    if (decision !== 'keep') stored.set(key, gap)
  }
  if (closed.size === 0) return result
  await sql`
      UPDATE ${table} AS there SET filled_at = rows.filled_at
      FROM ${bulkRows(TAPE_GAPS, [...closed.values()])}
      WHERE there.stream = rows.stream AND there.gap_key = rows.gap_key`.execute(db)
  return result
}

async function lockRows(db: Kysely<Tables>, schema: string, gaps: readonly Gap[]): Promise<readonly GapRow[]> {
  if (gaps.length === 0) return []
  const keys = gaps.map(gapKeyValues)
  const { rows } = await sql<GapRow>`
    SELECT there.* FROM ${sql.id(schema, 'tape_gaps')} AS there
    JOIN ${bulkRows(TAPE_GAPS_KEY, firstOfEach(inKeyOrder(keys, KEY_COLUMNS), KEY_COLUMNS))}
      ON there.stream = rows.stream AND there.gap_key = rows.gap_key
    ORDER BY there.stream, there.gap_key FOR UPDATE OF there`.execute(db)
  return rows
}

const keyOf = (gap: Gap): string => JSON.stringify([gap.stream, gapKey(gap)])
const keyOfRow = (row: GapRow): string => JSON.stringify([row.stream, row.gap_key])
