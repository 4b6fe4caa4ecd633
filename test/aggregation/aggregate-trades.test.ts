import { expect, test } from 'vitest'
import { aggregateTrades } from '../../src/aggregation/aggregate-trades.ts'
import type { AggregateTradesOptions } from '../../src/aggregation/aggregator-options.ts'
import type { PlainTrade } from '../../src/aggregation/trade-row.ts'
import { TIMEFRAMES } from '../../src/domain/timeframe.ts'

const T = Date.UTC(2026, 0, 5)
const OPTIONS: AggregateTradesOptions = { exchange: 'test', symbol: 'ABC-USD', timeframes: ['1s', '1m'] }

function* endless(read: { trades: number }): Generator<PlainTrade> {
  for (let i = 0; ; i++) {
    read.trades++
    yield { id: String(i), price: '10', size: '1', side: 'buy', timestamp: T + i * 100 }
  }
}

async function* later<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    await Promise.resolve()
    yield item
  }
}

async function toArray<T>(items: AsyncIterable<T>): Promise<T[]> {
  const result: T[] = []
  for await (const item of items) result.push(item)
  return result
}

test('the same from an iterable and an asynchronous one; at the end everything is closed', async () => {
  const trades = Array.from({ length: 1_000 }, (_, i): PlainTrade => ({
    id: String(i),
    price: '10',
    size: '1',
    side: 'buy',
    timestamp: T + i * 130,
  }))
  const options = { ...OPTIONS, timeframes: TIMEFRAMES }
  const candles = await toArray(aggregateTrades(trades, options))
  expect(await toArray(aggregateTrades(later(trades), options))).toEqual(candles)
  expect(candles.filter(({ timeframe }) => timeframe === '1s')).toHaveLength(130)
  expect(candles.at(-1)).toMatchObject({ timeframe: '1d', tradesCount: 1_000, status: 'closed' })
})

test('it reads no further than the candles are taken, and `break` ends the source', async () => {
  const read = { trades: 0 }
  const source = endless(read)
  let candles = 0
  for await (const { timeframe } of aggregateTrades(source, OPTIONS)) {
    if (timeframe === '1s' && ++candles === 5) break
  }
  expect(read.trades).toBe(51)
  expect(source.next().done).toBe(true)
})

test('a long silence in a complete series is not held in memory', async () => {
  const year = 365 * 86_400_000
  const trades = [0, year].map((at, i): PlainTrade => ({ id: String(i), price: '10', size: '1', side: 'buy', timestamp: T + at }))
  let candles = 0
  for await (const { openTime } of aggregateTrades(trades, { ...OPTIONS, completeSeries: true })) {
    expect(openTime).toBeLessThan(T + 3 * 86_400_000)
    if (++candles === 100_000) break
  }
  expect(candles).toBe(100_000)
})

test('nothing of nothing', async () => expect(await toArray(aggregateTrades([], OPTIONS))).toEqual([]))

test('wrong options are told at once, a malformed trade when it comes', async () => {
  expect(() => aggregateTrades([], { ...OPTIONS, timeframe: ['1m'] } as AggregateTradesOptions)).toThrow(
    'did you mean "timeframes"?',
  )
  const trades = [{ id: '1', price: 'x', size: '1', side: 'buy', timestamp: T }] as const
  await expect(toArray(aggregateTrades(trades, OPTIONS))).rejects.toThrow('the price of a trade must be an unsigned decimal')
})
