import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { aggregateTrades, Decimal, type OhlcvData, type PointOf, type Timeframe } from 'tapekeeper'
import type { FakeExchange, FakeFill } from 'tapekeeper/testing'
import type { PostgresRepository } from 'tapekeeper/postgres'
import type { SqliteRepository } from 'tapekeeper/sqlite'

type Stored = PostgresRepository | SqliteRepository

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}

const market = (symbol: string) => ({ exchange: 'okx', symbol })

/** First and last fill that a row stands for. */
const idsOf = ({ data: { id, count = 1 } }: PointOf<'trade'>): readonly [number, number] => [Number(id) - count + 1, Number(id)]

/** Ids of the fills that the stored rows stand for. */
export async function storedFills(repository: Stored, symbol: string): Promise<number[]> {
  const trades = await all(repository.trades(market(symbol)))
  return trades.flatMap((trade) => {
    const [first, last] = idsOf(trade)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

/**
 * From the first stored trade up to `lastId`, each fill of the exchange is in exactly one stored row, which says the same as the
 * exchange, digit by digit. @returns how many fills.
 */
export async function expectEveryFill(repository: Stored, fake: FakeExchange, symbol: string, lastId?: number): Promise<number> {
  const trades = await all(repository.trades(market(symbol)))
  const fills = new Map(fake.trades(symbol).map((fill) => [Number(fill.id), fill]))
  const problems: string[] = []
  let next = trades[0] === undefined ? NaN : idsOf(trades[0])[0]
  for (const trade of trades) {
    const [first, last] = idsOf(trade)
    if (first !== next) problems.push(`${first}..${last} follows ${next - 1}${trade.data.backfilled ? ', backfilled' : ''}`)
    next = last + 1
    const problem = differenceFrom(
      trade,
      Array.from({ length: last - first + 1 }, (_, index) => fills.get(first + index)),
    )
    if (problem !== undefined) problems.push(`${first}..${last}: ${problem}`)
  }
  expect(problems.slice(0, 10), `${symbol}: ${problems.length} of ${trades.length} rows`).toEqual([])
  if (lastId !== undefined) expect(next - 1).toBe(lastId)
  expect((await repository.latestTrade(market(symbol)))?.data.id).toBe(String(next - 1))
  return trades.length === 0 ? 0 : next - idsOf(trades[0]!)[0]
}

function differenceFrom({ timestamp, data }: PointOf<'trade'>, fills: readonly (FakeFill | undefined)[]): string | undefined {
  const [fill] = fills
  if (fill === undefined || fills.includes(undefined)) return 'no such fill'
  const { price, size, side, backfilled } = data
  const sizes = fills.map((each) => each?.size ?? '')
  const isSame =
    fills.every((each) => each?.price === price && each.side === side) &&
    timestamp === fills.at(-1)?.timestamp &&
    (fills.length === 1 ? size === fill.size : Decimal.sum(...sizes).equals(size))
  if (isSame) return undefined
  return `${JSON.stringify({ timestamp, price, size, side, backfilled })} is ${JSON.stringify(fills)}`
}

/**
 * The stored candles are what the exchange's own fills make, but for the first of each timeframe, which began before their trades
 * were heard; and none is missing up to the last stored trade. @returns how many were compared.
 */
export async function expectEveryCandle(
  repository: Stored,
  fake: FakeExchange,
  symbol: string,
  timeframes: readonly Timeframe[],
): Promise<number> {
  const fills = fake.trades(symbol).map(({ id, price, size, side, timestamp }) => ({ id, price, size, side, timestamp }))
  const truth = new Map<string, OhlcvData>()
  for await (const candle of aggregateTrades(fills, { ...market(symbol), timeframes })) truth.set(keyOf(candle), candle)
  const until = ((await repository.latestTrade(market(symbol)))?.timestamp ?? 0) - SETTLING_MS
  let compared = 0
  for (const timeframe of timeframes) {
    const candles = await all(repository.candles({ ...market(symbol), timeframe }))
    const begun = candles.findIndex(({ incompleteReason }) => incompleteReason !== 'before-start')
    const stored = candles.slice(Math.max(1, begun))
    const from = stored[0]?.openTime ?? Infinity
    const expected = [...truth.values()].filter(
      (candle) => candle.timeframe === timeframe && candle.openTime >= from && candle.closeTime <= until,
    )
    const known = stored.filter(({ closeTime }) => closeTime <= until)
    expect(known.map(shown), `${symbol} ${timeframe}`).toEqual(expected.map(shown))
    compared += known.length
  }
  return compared
}

/** The last candles may not have closed, or not be stored, when the market and the collector end. */
const SETTLING_MS = 3_000

const keyOf = ({ timeframe, openTime }: OhlcvData): string => `${timeframe} ${openTime}`

/** A revised one and one that closed well at once are equally right. */
const shown = (candle: OhlcvData): string => JSON.stringify({ ...candle, status: 'closed' })

/** What a spool has on the disk: bytes of segments that still wait, and what was set aside. */
export const spoolBytes = (directory: string): number =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.spool') || name.endsWith('.ndjson'))
    .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)

export const newestId = (fake: FakeExchange, symbol: string): number => Number(fake.trades(symbol).at(-1)?.id)
