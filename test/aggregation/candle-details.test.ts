import { describe, expect, test } from 'vitest'
import type { CandleAggregatorOptions } from '../../src/aggregation/aggregator-options.ts'
import { Bar } from '../../src/aggregation/bar.ts'
import { CandleAggregator } from '../../src/aggregation/candle-aggregator.ts'
import { TradeRow } from '../../src/aggregation/trade-row.ts'
import { Decimal } from '../../src/domain/decimal.ts'
import type { OhlcvData } from '../../src/domain/market-data.ts'
import { chance } from './support/random-tape.ts'

// Single cases that decide: order at equal times, numbers at the edge of what a float holds, ends of intervals.

/** 2026-01-05 00:00:00 UTC. */
const T = Date.UTC(2026, 0, 5)
const S = 1_000

function setUp(options: Partial<CandleAggregatorOptions> = {}) {
  const candles: OhlcvData[] = []
  const onCandle = (candle: OhlcvData): void => void candles.push(candle)
  const common = { exchange: 'test', symbol: 'ABC-USD', timeframes: ['1s'], onCandle } as const
  const aggregator = new CandleAggregator({ ...common, ...options })
  const trade = (id: string, at: number, price: string, size = '1'): void =>
    aggregator.add({ id, price, size, side: 'buy', timestamp: T + at })
  /** Timeframe, second, status, open to close. */
  const news = (): string[] =>
    candles.splice(0).map(({ timeframe, openTime, status, open, high, low, close, incompleteReason }) => {
      const prices = [open, high, low, close].map(String).join(' ')
      return `${timeframe} ${(openTime - T) / S} ${status} ${prices}${incompleteReason === undefined ? '' : ` ${incompleteReason}`}`
    })
  return { aggregator, candles, trade, news }
}

/** The same prices as they usually are, and with more digits than a float holds. */
const SCALES = [
  ['few digits', ''],
  ['many digits', '.00000000000000000000001'],
] as const

describe.each(SCALES)('open and close, prices of %s', (_name, digits) => {
  const price = (whole: number): string => `${whole}${digits}`

  test('go by time, and by id only at the same time', () => {
    const { aggregator, news, trade } = setUp()
    trade('5', 10, price(10))
    trade('9', 30, price(30))
    trade('3', 20, price(20))
    trade('12', 20, price(21))
    aggregator.flush()
    expect(news()).toEqual([`1s 0 closed ${price(10)} ${price(30)} ${price(10)} ${price(30)}`])
  })

  test.each([
    ['earlier', 50, '9', 20],
    ['at the same time, of a lower id', 100, '4', 20],
    ['at the same time, of a higher id', 100, '6', 10],
    ['at the same time, of an id that counts in text only', 100, 'x', 10],
  ])('of a timeframe that is open still, when a late trade is %s', (_when, at, id, open) => {
    const { aggregator, news, trade } = setUp({ timeframes: ['1s', '5s'] })
    trade('5', 100, price(10))
    trade('7', 900, price(30))
    aggregator.advance(T + S)
    trade(id, at, price(20))
    trade('20', 1_200, price(25))
    aggregator.advance(T + 5 * S)
    expect(news().filter((line) => line.startsWith('5s'))).toEqual([
      `5s 0 closed ${price(open)} ${price(30)} ${price(10)} ${price(25)}`,
    ])
  })
})

test.each(SCALES)('bars make the same whole in any order, prices of %s; 100 runs', (_name, digits) => {
  // Used again and again, as those of an aggregator are.
  const parts = Array.from({ length: 5 }, () => new Bar())
  const [whole, other] = [new Bar(), new Bar()]
  for (let seed = 0; seed < 100; seed++) {
    const { int } = chance(seed)
    const rows = Array.from({ length: 20 }, (_, id) => {
      const row = new TradeRow()
      const name = int(4) === 0 ? `x${id}` : String(int(2) === 0 ? 100 - id : id)
      row.read({ id: name, price: `${1 + int(50)}${digits}`, size: '1', side: 'buy', timestamp: T + int(6) })
      return row
    })
    for (const bar of [...parts, whole, other]) bar.reset(T, T + S)
    for (const row of rows) whole.add(row)
    for (const row of rows) parts[int(parts.length)]?.add(row)
    for (const part of parts.toSorted(() => int(3) - 1)) other.merge(part)
    const shown = (bar: Bar) => [bar.exactPrices(), bar.count, bar.firstTime, bar.firstId, bar.lastTime, bar.lastId]
    expect(shown(other), `seed ${seed}`).toEqual(shown(whole))
  }
})

describe('sums of large numbers', () => {
  test.each([
    ['products beyond what a float holds', '123456789.12345', 987_654, '.3210987', 300],
    ['the largest that are counted with', '99999999999999', 98_765_432, '.109876', 500],
    ['sums of sizes beyond what a float holds', '1', 99_999_999_999_999, '', 400],
  ])('%s: exact, folded as well', (_name, price, whole, fraction, count) => {
    const { aggregator, candles, trade } = setUp({ timeframes: ['1s', '1m'] })
    const sizes = Array.from({ length: count }, (_, i) => `${whole - i * 7}${fraction}`)
    for (const [i, size] of sizes.entries()) trade(String(i), i * 100, price, size)
    aggregator.flush()
    const volume = sizes.reduce((sum, size) => sum.plus(size), new Decimal(0))
    const minute = candles.filter(({ timeframe }) => timeframe === '1m')
    expect(minute.map((candle) => [candle.volume.toFixed(), candle.quoteVolume?.toFixed()])).toEqual([
      [volume.toFixed(), volume.times(price).toFixed()],
    ])
  })
})

describe('bars that are used again', () => {
  test('one out of order, while others wait to be used', () => {
    const { aggregator, news, trade } = setUp({ allowedLatenessMs: 10 * S })
    for (let second = 0; second < 5; second++) trade(String(second), second * S, '1')
    aggregator.advance(T + 15 * S)
    news()
    for (const [i, second] of [20, 22, 21, 23, 24].entries()) trade(String(10 + i), second * S, String(second))
    aggregator.flush()
    expect(news()).toEqual([20, 21, 22, 23, 24].map((second) => `1s ${second} closed ${Array(4).fill(second).join(' ')}`))
  })

  test('what has closed is neither in open candles nor twice in a snapshot', () => {
    const { aggregator, news, trade } = setUp({ timeframes: ['1s', '1m'], updateIntervalMs: 0 })
    for (let second = 0; second < 3; second++) {
      trade(String(second), second * S, String(10 + second))
      aggregator.advance(T + second * S)
    }
    expect(news().at(-1)).toBe('1m 0 open 10 12 10 12')
    expect(aggregator.snapshot().levels.map(({ bars }) => bars.length)).toEqual([3, 1])
  })
})

describe('a complete series', () => {
  test('stands at the close of the last bar that is kept no longer', () => {
    const { aggregator, news, trade } = setUp({ completeSeries: true, reviseWithinMs: 2 * S })
    for (const [second, price] of ['10', '20', '30'].entries()) trade(String(second), second * S, price)
    aggregator.advance(T + 99 * S)
    trade('100', 99 * S, '40')
    aggregator.advance(T + 100 * S)
    news()
    aggregator.gap({ fromTime: T + 98_200, toTime: T + 98_300, reason: 'gap', filled: false })
    expect(news()).toEqual(['1s 98 revised 30 30 30 30 gap'])
  })

  test.each([
    ['its close', '2', 900, '12', ['1s 0 revised 11 12 11 12', '1s 1 revised 12 12 12 12', '1s 2 revised 12 12 12 12']],
    [
      'its close, of another trade with the same id',
      '1',
      900,
      '12',
      ['1s 0 revised 11 12 11 12', '1s 1 revised 12 12 12 12', '1s 2 revised 12 12 12 12'],
    ],
    [
      'its close, at the same time',
      '2',
      500,
      '12',
      ['1s 0 revised 11 12 11 12', '1s 1 revised 12 12 12 12', '1s 2 revised 12 12 12 12'],
    ],
    ['not its close', '2', 100, '12', ['1s 0 revised 12 12 11 11']],
  ])('a late trade that changes %s: what stands behind it comes again, or not', (_name, id, at, price, expected) => {
    const { aggregator, news, trade } = setUp({ completeSeries: true, dropDuplicates: false })
    trade('1', 500, '11')
    aggregator.advance(T + 3 * S)
    trade('5', 3 * S, '15')
    news()
    trade(id, at, price)
    expect(news()).toEqual(expected)
  })

  test('no series: a late trade brings back no candle that never was', () => {
    const { aggregator, news, trade } = setUp()
    trade('1', 500, '11')
    trade('5', 3_500, '15')
    aggregator.advance(T + 5 * S)
    news()
    trade('2', 900, '12')
    expect(news()).toEqual(['1s 0 revised 11 12 11 12'])
  })
})

test('after a flush trades go on into what is closed', () => {
  const { aggregator, news, trade } = setUp({ timeframes: ['1s', '5s'] })
  trade('1', 500, '11')
  aggregator.flush()
  trade('2', 2_500, '12')
  aggregator.flush()
  expect(news()).toEqual([
    '1s 0 closed 11 11 11 11',
    '5s 0 closed 11 11 11 11',
    '1s 2 closed 12 12 12 12',
    '5s 0 revised 11 12 11 12',
  ])
})

describe('what is missing', () => {
  test('a gap that begins where a candle ends does not touch it, closed or open', () => {
    const { aggregator, news, trade } = setUp()
    trade('1', 500, '11')
    aggregator.gap({ fromTime: T + S, toTime: T + S + 1, reason: 'gap', filled: false })
    aggregator.advance(T + S)
    expect(news()).toEqual(['1s 0 closed 11 11 11 11'])
    trade('2', 1_500, '11')
    aggregator.advance(T + 2 * S)
    aggregator.gap({ fromTime: T + 2 * S, toTime: T + 3 * S, reason: 'gap', filled: false })
    expect(news()).toEqual(['1s 1 closed 11 11 11 11 gap'])
  })

  test('gaps that can touch nothing any more are forgotten', () => {
    const { aggregator, trade } = setUp({ reviseWithinMs: S })
    for (let second = 0; second < 1_000; second++) {
      trade(String(second), second * S, '10')
      aggregator.gap({ fromTime: T + second * S, toTime: T + second * S, reason: 'gap', filled: false })
      aggregator.advance(T + second * S)
    }
    expect(aggregator.snapshot().truth.gaps.length).toBeLessThan(200)
  })

  test('a batch ends a doubt as its trades one by one do', () => {
    const { aggregator, news, trade } = setUp()
    trade('1', 500, '11')
    aggregator.doubt('interrupted')
    aggregator.advance(T + S)
    expect(news()).toEqual(['1s 0 closed 11 11 11 11 interrupted'])
    aggregator.addAll([{ id: '2', price: '11', size: '1', side: 'buy', timestamp: T + 1_500 }])
    expect(news()).toEqual(['1s 0 revised 11 11 11 11'])
  })
})

test('what is due next is a close, when that comes before the next open candles', () => {
  const { aggregator, trade } = setUp({ updateIntervalMs: 10 * S })
  trade('1', 100, '11')
  aggregator.advance(T + 100)
  trade('2', 200, '11')
  expect(aggregator.nextDueAt()).toBe(T + S)
  aggregator.advance(T + S)
  trade('3', S, '11')
  trade('4', 9_900, '11')
  aggregator.advance(T + 2 * S)
  expect(aggregator.nextDueAt()).toBe(T + 10_000)
})

test.each(['1.2:', '1:', ':1', '1.:', '12345678901:', '1.2345678901:'])('%j is no number', (text) => {
  const { trade } = setUp()
  expect(() => trade('1', 0, text)).toThrow(RangeError)
  expect(() => trade('1', 0, '1', text)).toThrow(RangeError)
})

test('the words about a number that is none show its beginning, whatever its length', () => {
  const { trade } = setUp()
  expect(() => trade('1', 0, 'x'.repeat(1_000))).toThrow(
    new RangeError(`the price of a trade must be an unsigned decimal, not "${'x'.repeat(79)}`).message,
  )
  expect(() => trade('1', 0, 'x'.repeat(1_000))).not.toThrow('x'.repeat(80))
})
