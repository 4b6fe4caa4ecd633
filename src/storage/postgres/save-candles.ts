import { sql, type Kysely } from 'kysely'
import type { OhlcvData } from '../../domain/market-data.ts'
import { decideCandle } from '../decide-candle.ts'
import type { WriteResult } from '../repository.ts'
import { candleKey, candleValues, type SqlValue } from '../sql/row-values.ts'
import { candleOf } from '../sql/stored-rows.ts'
import type { CandleRow, Tables } from '../sql/tables.ts'
import { bulkRows, inKeyOrder, names } from './bulk-rows.ts'
import { MARKET_DATA, MARKET_DATA_KEY } from './postgres-tables.ts'
import { timeText } from './time-text.ts'

/** All candles of a batch that have one key, in the order of the batch. */
interface Place {
  readonly candles: readonly [OhlcvData, ...OhlcvData[]]
  stored: OhlcvData | undefined
}

/**
 * The rules are those of `decideCandle`, asked while the rows in question are locked: first what is not there is inserted, then what
 * was there is locked and looked at, then what has to be replaced is. Both take the rows in the order of their keys, and rows are
 * locked by the second step only, so that writers never wait in a circle.
 */
export async function saveCandles(
  db: Kysely<Tables>,
  schema: string,
  candles: readonly OhlcvData[],
  forceUpdateCandles: boolean,
): Promise<WriteResult> {
  const places = byKey(candles)
  const table = sql.id(schema, 'market_data')
  const result = { inserted: 0, kept: 0, overwritten: 0 }

  const first = inKeyOrder(
    [...places.values()].map(({ candles: [candle] }) => candleValues(candle)),
    MARKET_DATA_KEY.length,
  )
  const fresh = await sql<CandleRow>`
      INSERT INTO ${table} (${names(MARKET_DATA)})
      SELECT ${names(MARKET_DATA)} FROM ${bulkRows(MARKET_DATA, first)}
      ON CONFLICT DO NOTHING RETURNING ${names(MARKET_DATA_KEY)}`.execute(db)
  const isFresh = new Set(fresh.rows.map(keyOfRow))

  const taken = [...places].filter(([name]) => !isFresh.has(name)).map(([, place]) => place)
  for (const row of taken.length === 0 ? [] : await lockRows(db, schema, taken)) {
    const place = places.get(keyOfRow(row))
    if (place !== undefined) place.stored = candleOf(row)
  }

  const changed: SqlValue[][] = []
  for (const [name, { candles: mine, stored }] of places) {
    let last = stored
    for (const candle of mine) {
      const decision = decideCandle(last, candle, forceUpdateCandles)
      if (decision === 'keep') result.kept++
      else {
        last = candle
        if (decision === 'insert') result.inserted++
        else result.overwritten++
      }
    }
    const written = isFresh.has(name) ? mine[0] : stored
    if (last !== undefined && last !== written) changed.push(candleValues(last))
  }
  if (changed.length === 0) return result
  const rest = MARKET_DATA.slice(MARKET_DATA_KEY.length)
  const replacements = rest.map(([name]) => sql`${sql.ref(name)} = excluded.${sql.ref(name)}`)
  await sql`
      INSERT INTO ${table} (${names(MARKET_DATA)})
      SELECT ${names(MARKET_DATA)} FROM ${bulkRows(MARKET_DATA, changed)}
      ON CONFLICT (${names(MARKET_DATA_KEY)}) DO UPDATE SET ${sql.join(replacements)}`.execute(db)
  return result
}

async function lockRows(db: Kysely<Tables>, schema: string, places: readonly Place[]): Promise<readonly CandleRow[]> {
  const keys = places.map(({ candles: [candle] }) => candleKey(candle))
  const isSame = MARKET_DATA_KEY.map(([name]) => sql`there.${sql.ref(name)} = rows.${sql.ref(name)}`)
  const { rows } = await sql<CandleRow>`
    SELECT there.* FROM ${sql.id(schema, 'market_data')} AS there
    JOIN ${bulkRows(MARKET_DATA_KEY, keys)} ON ${sql.join(isSame, sql` AND `)}
    ORDER BY ${sql.join(MARKET_DATA_KEY.map(([name]) => sql`there.${sql.ref(name)}`))} FOR UPDATE OF there`.execute(db)
  return rows
}

function byKey(candles: readonly OhlcvData[]): ReadonlyMap<string, Place> {
  const places = new Map<string, { candles: [OhlcvData, ...OhlcvData[]]; stored: OhlcvData | undefined }>()
  for (const candle of candles) {
    candleValues(candle) // a row that can never be stored is told before anything is written
    const name = keyOf(candle.exchange, candle.symbol, candle.timeframe, candle.openTime)
    const place = places.get(name)
    if (place === undefined) places.set(name, { candles: [candle], stored: undefined })
    else place.candles.push(candle)
  }
  return places
}

/** The time as it is stored: what differs by less than a microsecond is one candle. */
const keyOf = (exchange: string, symbol: string, timeframe: string, openTime: number): string =>
  JSON.stringify([exchange, symbol, timeframe, timeText(openTime)])

const keyOfRow = (row: CandleRow): string => keyOf(row.exchange, row.symbol, row.timeframe, row.open_time)
