import { describe, expect, test } from 'vitest'
import { aggregateTrades } from '../../src/aggregation/aggregate-trades.ts'
import type { AggregateTradesOptions } from '../../src/aggregation/aggregator-options.ts'
import type { OhlcvData } from '../../src/domain/market-data.ts'
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

describe('one wrong time', () => {
  const tradeAt = (at: number, i: number): PlainTrade => ({
    id: String(i),
    price: '10',
    size: '1',
    side: 'buy',
    timestamp: T + at,
  })
  const shown = ({
    timeframe,
    openTime,
    status,
    tradesCount,
  }: {
    timeframe: string
    openTime: number
    status: string
    tradesCount?: number | undefined
  }) => `${timeframe} ${openTime - T} ${status} ${tradesCount}`

  test.each([2_500, 60_000, 3_600_000, 86_400_000])(
    '%i ms ahead: every other trade is in its candle, which closes once',
    async (ahead) => {
      const times = Array.from({ length: 100 }, (_, i) => i * 100 + (i === 42 ? ahead : 0))
      const candles = await toArray(aggregateTrades(times.map(tradeAt), { ...OPTIONS, timeframes: ['1s'], reviseWithinMs: 0 }))
      const inPlace = candles.filter(({ openTime }) => openTime < T + 10_000)
      expect(inPlace.every(({ status }) => status === 'closed')).toBe(true)
      expect(inPlace.map(shown)).toEqual(
        Array.from({ length: 10 }, (_, i) => `1s ${i * 1_000} closed ${i === 4 ? 9 : 10 + Number(ahead === 2_500 && i === 6)}`),
      )
      expect(candles.reduce((sum, { tradesCount = 0 }) => sum + tradesCount, 0)).toBe(100)
    },
  )

  test.each([T / 1e3, T * 1e3 + 5, T * 1e6])('%d: a bad row, told in its own words', async (timestamp) => {
    const trades = [tradeAt(0, 0), { ...tradeAt(0, 1), timestamp }, tradeAt(200, 2)]
    await expect(toArray(aggregateTrades(trades, OPTIONS))).rejects.toThrow(
      /the timestamp of a trade .*, which looks like (nano|micro)?seconds/,
    )
  })

  const YEAR = 365 * 86_400_000
  test.each([
    ['3 years ahead, in the middle', 3 * YEAR, 42],
    ['a day ahead, in the middle', 86_400_000, 42],
    ['3 years ahead, the first of all', 3 * YEAR, 0],
    ['3 years ahead, the last but one', 3 * YEAR, 98],
    ['3 years ahead, the last of all', 3 * YEAR, 99],
  ])('a complete series is not carried on to it: %s', async (_name, ahead, index) => {
    const times = Array.from({ length: 100 }, (_, i) => i * 100 + (i === index ? ahead : 0))
    const options = { ...OPTIONS, timeframes: ['1s', '1m', '1d'], completeSeries: true } as const
    const candles: OhlcvData[] = []
    for await (const candle of aggregateTrades(times.map(tradeAt), options)) {
      candles.push(candle)
      if (candles.length > 50) break
    }
    const seconds = candles.filter(({ timeframe }) => timeframe === '1s')
    const [wrong, ...others] = seconds.toReversed()
    expect(others.reverse().map(shown)).toEqual(
      Array.from({ length: 10 }, (_, i) => `1s ${i * 1_000} closed ${10 - Number(i === Math.floor(index / 10))}`),
    )
    expect(shown(wrong!)).toBe(`1s ${Math.floor(times[index]! / 1_000) * 1_000} closed 1`)
    expect(
      candles.filter(({ complete }) => !complete).map(({ timeframe, incompleteReason }) => [timeframe, incompleteReason]),
    ).toEqual(['1s', '1m', '1d'].map((timeframe) => [timeframe, 'time-doubtful']))
    // Of each timeframe one candle for the wrong one, and the series for the others.
    expect(candles.map(({ timeframe }) => timeframe).filter((timeframe) => timeframe !== '1s')).toEqual(['1m', '1d', '1m', '1d'])
  })

  test('a market that is quiet: nothing is lost, and nothing closes twice', async () => {
    const times = Array.from({ length: 20 }, (_, i) => i * 3_600_000)
    const candles = await toArray(aggregateTrades(times.map(tradeAt), { ...OPTIONS, timeframes: ['1m'], reviseWithinMs: 0 }))
    expect(candles.map(shown)).toEqual(times.map((at) => `1m ${at} closed 1`))
  })
})

test('nothing of nothing', async () => expect(await toArray(aggregateTrades([], OPTIONS))).toEqual([]))

test('wrong options are told at once, a malformed trade when it comes', async () => {
  expect(() => aggregateTrades([], { ...OPTIONS, timeframe: ['1m'] } as AggregateTradesOptions)).toThrow(
    'did you mean "timeframes"?',
  )
  const trades = [{ id: '1', price: 'x', size: '1', side: 'buy', timestamp: T }] as const
  await expect(toArray(aggregateTrades(trades, OPTIONS))).rejects.toThrow('the price of a trade must be an unsigned decimal')
})
