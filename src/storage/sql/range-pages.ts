import { sql, type SelectQueryBuilder } from 'kysely'
import type { CheckedRange } from '../range-query.ts'
import type { Tables } from './tables.ts'

/** Rows of one request: few enough to give way to writes in between, many enough that the requests do not count. */
const PAGE_ROWS = 1_000

/** Columns that say where in the order a row stands; the first is the time that ranges are about. */
export interface RangeOrder<Row> {
  readonly columns: readonly string[]
  readonly placeOf: (row: Row) => readonly [time: number, ...rest: (string | number)[]]
}

export interface Page<Row> {
  readonly rows: number
  /** The last row of the page before. */
  readonly after: Row | undefined
}

/** A time as the dialect takes it: bounds, and the time of a place, which stands first in it. */
export type TimeValue = (ms: number) => string | number

/** One page of a range. `query` says which rows it is about; here they are bounded, put in order and counted. */
export function inRange<T extends keyof Tables, Row>(
  query: SelectQueryBuilder<Tables, T, Row>,
  { from, to, order }: CheckedRange,
  { columns, placeOf }: RangeOrder<Row>,
  { rows, after }: Page<Row>,
  timeValue: TimeValue,
): SelectQueryBuilder<Tables, T, Row> {
  const [time = ''] = columns
  const isUp = order === 'asc'
  let page = query
  // The page before bounds the range on its side. A second bound there would be taken by some planners, which then start over each time.
  if (from !== undefined && (after === undefined || !isUp))
    page = page.where(sql<boolean>`${sql.ref(time)} >= ${timeValue(from)}`)
  if (to !== undefined && (after === undefined || isUp)) page = page.where(sql<boolean>`${sql.ref(time)} < ${timeValue(to)}`)
  if (after !== undefined) {
    const place = sql.join(columns.map((column) => sql.ref(column)))
    const [at, ...rest] = placeOf(after)
    const last = sql.join([timeValue(at), ...rest])
    page = page.where(isUp ? sql<boolean>`(${place}) > (${last})` : sql<boolean>`(${place}) < (${last})`)
  }
  for (const column of columns) page = page.orderBy(sql.ref(column), order)
  return page.limit(rows)
}

/**
 * All rows of a range, page by page: between two pages nothing is held in the database, however slow the reader is.
 *
 * @param read one page; the same order as ever.
 */
export async function* rangePages<Row>(
  { from = -Infinity, to = Infinity, limit = Infinity }: CheckedRange,
  read: (page: Page<Row>) => Promise<readonly Row[]>,
): AsyncGenerator<Row, void, undefined> {
  if (from >= to) return
  let after: Row | undefined
  for (let left = limit; left > 0;) {
    const rows = Math.min(PAGE_ROWS, left)
    const page: readonly Row[] = await read({ rows, after })
    yield* page
    if (page.length < rows) return
    left -= rows
    after = page.at(-1)
  }
}
