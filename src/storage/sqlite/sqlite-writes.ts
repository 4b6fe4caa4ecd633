import type { Database, Statement } from 'better-sqlite3'
import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { Gap } from '../../domain/gap.ts'
import { decideGap } from '../../domain/stored-gaps.ts'
import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import { decideCandle } from '../decide-candle.ts'
import type { StoredFrame, WriteResult } from '../repository.ts'
import { candleKey, candleValues, frameValues, gapKeyValues, gapValues, tradeValues, type SqlValue } from '../sql/row-values.ts'
import { candleOf, gapOf } from '../sql/stored-rows.ts'
import {
  CANDLE_COLUMNS,
  CANDLE_KEY,
  FRAME_COLUMNS,
  GAP_COLUMNS,
  GAP_KEY,
  TRADE_COLUMNS,
  type CandleRow,
  type GapRow,
  type Tables,
} from '../sql/tables.ts'

/** Each is one transaction. */
export interface SqliteWrites {
  readonly trades: (trades: readonly PointOf<'trade'>[]) => WriteResult
  readonly frames: (frames: readonly StoredFrame[]) => WriteResult
  readonly candles: (candles: readonly OhlcvData[], forceUpdateCandles: boolean) => WriteResult
  readonly gaps: (gaps: readonly Gap[]) => WriteResult
}

export function prepareWrites(connection: Database, db: Kysely<Tables>): SqliteWrites {
  // When it is needed first: a table that is missing, or looks otherwise, costs only what belongs into it.
  const prepare = <Result>(statement: RawBuilder<unknown>) => {
    let prepared: Statement<SqlValue[], Result> | undefined
    return () => (prepared ??= connection.prepare<SqlValue[], Result>(statement.compile(db).sql))
  }

  const addNew = <Row>(statement: RawBuilder<unknown>, valuesOf: (row: Row) => SqlValue[]) => {
    const add = prepare(statement)
    return connection.transaction((rows: readonly Row[]): WriteResult => {
      let inserted = 0
      for (const row of rows) inserted += add().run(...valuesOf(row)).changes
      return { inserted, kept: rows.length - inserted, overwritten: 0 }
    })
  }
  const addTrades = addNew(insert('trades', TRADE_COLUMNS, sql`do nothing`), tradeValues)
  const addFrames = addNew(insert('raw_frames', FRAME_COLUMNS, sql`do nothing`), frameValues)

  const storedCandle = prepare<CandleRow>(selectByKey('market_data', CANDLE_COLUMNS, CANDLE_KEY))
  const putCandle = prepare(insert('market_data', CANDLE_COLUMNS, replaceCandle))
  // The rules are asked row by row, so that they are written down once; nobody else can write in between.
  const saveCandles = connection.transaction((candles: readonly OhlcvData[], forceUpdateCandles: boolean): WriteResult => {
    const count = { insert: 0, keep: 0, overwrite: 0 }
    for (const candle of candles) {
      const values = candleValues(candle)
      const stored = storedCandle().get(...candleKey(candle))
      const decision = decideCandle(stored && candleOf(stored), candle, forceUpdateCandles)
      if (decision !== 'keep') putCandle().run(...values)
      count[decision]++
    }
    return { inserted: count.insert, kept: count.keep, overwritten: count.overwrite }
  })

  const storedGap = prepare<GapRow>(selectByKey('tape_gaps', GAP_COLUMNS, GAP_KEY))
  const putGap = prepare(insert('tape_gaps', GAP_COLUMNS, closeGap))
  const saveGaps = connection.transaction((gaps: readonly Gap[]): WriteResult => {
    const count = { insert: 0, keep: 0, overwrite: 0 }
    for (const gap of gaps) {
      const values = gapValues(gap)
      const stored = storedGap().get(...gapKeyValues(gap))
      const decision = decideGap(stored && gapOf(stored), gap)
      if (decision !== 'keep') putGap().run(...values)
      count[decision]++
    }
    return { inserted: count.insert, kept: count.keep, overwritten: count.overwrite }
  })

  // To begin as a reader and become a writer later fails at once when another process was faster; to begin as a writer waits.
  return {
    trades: (trades) => addTrades.immediate(trades),
    frames: (frames) => addFrames.immediate(frames),
    candles: (candles, forceUpdateCandles) => saveCandles.immediate(candles, forceUpdateCandles),
    gaps: (gaps) => saveGaps.immediate(gaps),
  }
}

const names = (columns: readonly string[]) => sql.join(columns.map((column) => sql.ref(column)))

/** Of one row; the values are handed to the prepared statement, in the order of the columns. */
const insert = (table: keyof Tables, columns: readonly string[], onConflict: RawBuilder<unknown>) => {
  const places = sql.join(columns.map(() => sql.val(null)))
  return sql`insert into ${sql.table(table)} (${names(columns)}) values (${places}) on conflict ${onConflict}`
}

const replaceCandle = sql`(${names(CANDLE_KEY)}) do update set ${sql.join(
  CANDLE_COLUMNS.slice(CANDLE_KEY.length).map((column) => sql`${sql.ref(column)} = ${sql.ref(`excluded.${column}`)}`),
)}`

/** One that was announced keeps its words; only that it was filled is new. */
const closeGap = sql`(${names(GAP_KEY)}) do update set filled_at = excluded.filled_at`

const selectByKey = (table: keyof Tables, columns: readonly string[], key: readonly string[]) => sql`
  select ${names(columns)} from ${sql.table(table)} where ${sql.join(
    key.map((column) => sql`${sql.ref(column)} = ${null}`),
    sql` and `,
  )}`
