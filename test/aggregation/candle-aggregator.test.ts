import { describe, expect, test } from 'vitest'
import type { CandleAggregatorOptions } from '../../src/aggregation/aggregator-options.ts'
import type { AggregatorSnapshot } from '../../src/aggregation/aggregator-snapshot.ts'
import { CandleAggregator } from '../../src/aggregation/candle-aggregator.ts'
import type { TradeInput } from '../../src/aggregation/trade-row.ts'
import type { OhlcvData, PointOf } from '../../src/domain/market-data.ts'
import { asDecimal } from '../support/decimals.ts'

/** 2026-01-05 00:00:00 UTC. */
const T = Date.UTC(2026, 0, 5)
const S = 1_000
const MINUTE = 60 * S
const HOUR = 60 * MINUTE

function setUp(options: Partial<CandleAggregatorOptions> = {}) {
  const candles: OhlcvData[] = []
  const aggregator = new CandleAggregator({
    exchange: 'test',
    symbol: 'ABC-USD',
    timeframes: ['1s'],
    onCandle: (candle) => void candles.push(candle),
    ...options,
  })
  /** What was emitted since the last time, one line a candle: timeframe, seconds since T, status, O H L C, volume, trades. */
  const news = (): string[] => candles.splice(0).map(lineOf)
  return { aggregator, candles, news }
}

function lineOf(candle: OhlcvData): string {
  const { timeframe, openTime, status, open, high, low, close, volume, tradesCount, incompleteReason } = candle
  const prices = [open, high, low, close].map(String).join(' ')
  const line = `${timeframe} ${(openTime - T) / S} ${status} ${prices} v${volume.toString()} n${tradesCount}`
  return incompleteReason === undefined ? line : `${line} ${incompleteReason}`
}

const trade = (id: number, at: number, price: string, size = '1', side: 'buy' | 'sell' = 'buy') => ({
  id: String(id),
  price,
  size,
  side,
  timestamp: T + at,
})

const point = (...args: Parameters<typeof trade>): PointOf<'trade'> => {
  const { id, price, size, side, timestamp } = trade(...args)
  const data = { id, price: asDecimal(price), size: asDecimal(size), side, backfilled: true }
  return { exchange: 'test', symbol: 'ABC-USD', dataType: 'trade', timestamp, receivedAt: timestamp, data }
}

describe('worked by hand', () => {
  test('all numbers of a candle', () => {
    const { aggregator, candles } = setUp({ timeframes: ['1m'] })
    aggregator.add({ ...trade(1, 5 * S, '100.5', '2', 'buy'), count: 3 })
    aggregator.add(trade(2, 6 * S, '99.25', '0.5', 'sell'))
    aggregator.add(trade(3, 7 * S, '101', '0.001', 'buy'))
    aggregator.flush()
    expect(JSON.parse(JSON.stringify(candles))).toEqual([
      {
        exchange: 'test',
        symbol: 'ABC-USD',
        timeframe: '1m',
        openTime: T,
        closeTime: T + MINUTE,
        open: '100.5',
        high: '101',
        low: '99.25',
        close: '101',
        volume: '2.501', // 2 + 0.5 + 0.001
        quoteVolume: '250.726', // 201 + 49.625 + 0.101
        takerBuyVolume: '2.001', // 2 + 0.001
        tradesCount: 5, // 3 + 1 + 1
        status: 'closed',
        complete: true,
        source: 'trades',
      },
    ])
  })

  test('a trade exactly on a boundary belongs to what begins there', () => {
    const { aggregator, news } = setUp({ timeframes: ['1s', '5s'] })
    aggregator.add(trade(1, 0, '10'))
    aggregator.add(trade(2, 999, '11'))
    aggregator.advance(T + 999)
    expect(news()).toEqual([])
    aggregator.advance(T + 1_000)
    expect(news()).toEqual(['1s 0 closed 10 11 10 11 v2 n2'])
    aggregator.add(trade(3, 1_000, '12'))
    aggregator.add(trade(4, 4_999, '9'))
    aggregator.add(trade(5, 5_000, '8'))
    aggregator.advance(T + 6_000)
    // 5s: 10, 11 (first second), 12 (second 1), 9 (second 4); 8 at 5.000 is the next one's.
    expect(news()).toEqual([
      '1s 1 closed 12 12 12 12 v1 n1',
      '1s 4 closed 9 9 9 9 v1 n1',
      '5s 0 closed 10 12 9 9 v4 n4',
      '1s 5 closed 8 8 8 8 v1 n1',
    ])
  })

  test('out of order inside a bar: open and close go by time, then by id', () => {
    const { aggregator, news } = setUp()
    aggregator.add(trade(12, 500, '3'))
    aggregator.add(trade(100, 500, '4')) // same millisecond, the higher id by value (not by text): the close
    aggregator.add(trade(11, 100, '2'))
    aggregator.add(trade(9, 100, '1')) // same millisecond, the lower id: the open
    aggregator.advance(T + S)
    expect(news()).toEqual(['1s 0 closed 1 4 1 4 v4 n4'])
  })

  test('complete series: empty candles across midnight UTC', () => {
    const { aggregator, candles } = setUp({ timeframes: ['1h', '1d'], completeSeries: true })
    aggregator.add(trade(1, -2 * HOUR + 1, '10'))
    aggregator.add(trade(2, 2 * HOUR, '20'))
    aggregator.advance(T + 3 * HOUR)
    const shown = candles.map((candle) => `${lineOf(candle)} ${new Date(candle.openTime).toISOString().slice(5, 13)}`)
    expect(shown).toEqual([
      '1h -7200 closed 10 10 10 10 v1 n1 01-04T22',
      '1h -3600 closed 10 10 10 10 v0 n0 01-04T23',
      '1d -86400 closed 10 10 10 10 v1 n1 01-04T00',
      '1h 0 closed 10 10 10 10 v0 n0 01-05T00',
      '1h 3600 closed 10 10 10 10 v0 n0 01-05T01',
      '1h 7200 closed 20 20 20 20 v1 n1 01-05T02',
    ])
    candles.length = 0
    aggregator.flush()
    expect(candles.map(lineOf)).toEqual(['1d 0 closed 20 20 20 20 v1 n1'])
  })

  test('late trade: within the allowance its own bar has waited, after it the candle is revised', () => {
    const { aggregator, news } = setUp({ timeframes: ['1s', '5s'], allowedLatenessMs: 500 })
    aggregator.add(trade(1, 900, '10'))
    aggregator.advance(T + 1_499) // 1 ms before 1.000 + 0.500
    aggregator.add(trade(3, 1_200, '12'))
    aggregator.add(trade(2, 950, '11'))
    aggregator.advance(T + 1_500)
    expect(news()).toEqual(['1s 0 closed 10 11 10 11 v2 n2'])
    aggregator.advance(T + 2_500)
    expect(news()).toEqual(['1s 1 closed 12 12 12 12 v1 n1'])
    // 5s is still open, so that nothing of it is emitted; the second it belongs to comes again.
    aggregator.add(trade(4, 990, '9', '0.5'))
    expect(news()).toEqual(['1s 0 revised 10 11 9 9 v2.5 n3'])
    aggregator.advance(T + 5_500)
    expect(news()).toEqual(['5s 0 closed 10 12 9 12 v3.5 n4'])
    aggregator.add(trade(5, 2_000, '13')) // a second without a bar until now
    expect(news()).toEqual(['1s 2 revised 13 13 13 13 v1 n1', '5s 0 revised 10 13 9 13 v4.5 n5'])
    expect(aggregator.statistics).toEqual({ trades: 5, duplicates: 0, overlapping: 0, late: 2, tooLate: 0 })
  })

  test('later than the revision window: numbers stay, the hook hears of it, what still holds that moment is incomplete', () => {
    const tooLate: TradeInput[] = []
    const options = {
      timeframes: ['1s', '1m'],
      reviseWithinMs: 2_000,
      onTooLate: (one: TradeInput) => void tooLate.push(one),
    } as const
    const { aggregator, news } = setUp(options)
    aggregator.add(trade(2, 100, '10'))
    aggregator.add(trade(3, 9_000, '11'))
    aggregator.advance(T + 10_000)
    news()
    aggregator.add(trade(1, 7_999, '5')) // 10.000 - 2.000 = 8.000
    expect(news()).toEqual([])
    expect(tooLate).toEqual([trade(1, 7_999, '5')])
    aggregator.add(trade(4, 8_000, '12'))
    expect(news()).toEqual(['1s 8 revised 12 12 12 12 v1 n1'])
    aggregator.advance(T + MINUTE)
    expect(news()).toEqual(['1m 0 closed 10 12 10 11 v3 n3 too-late'])
    expect(aggregator.statistics).toEqual({ trades: 3, duplicates: 0, overlapping: 0, late: 1, tooLate: 1 })
  })

  test('a gap and its filling', () => {
    const { aggregator, news } = setUp({ timeframes: ['1s', '5s'] })
    aggregator.add(trade(1, 500, '10'))
    aggregator.advance(T + 1_000)
    expect(news()).toEqual(['1s 0 closed 10 10 10 10 v1 n1'])
    // Ids 2 and 3 are missing, between 0.500 and 2.100: seconds 0, 1 and 2.
    const gap = { fromTime: T + 500, toTime: T + 2_100, fromId: '2', reason: 'rest-short', missing: 2 }
    aggregator.gap({ ...gap, filled: false })
    expect(news()).toEqual(['1s 0 revised 10 10 10 10 v1 n1 rest-short'])
    aggregator.add(trade(4, 2_100, '14'))
    aggregator.add(trade(5, 3_000, '13'))
    aggregator.advance(T + 5_000)
    expect(news()).toEqual([
      '1s 2 closed 14 14 14 14 v1 n1 rest-short',
      '1s 3 closed 13 13 13 13 v1 n1',
      '5s 0 closed 10 14 10 13 v3 n3 rest-short',
    ])
    aggregator.gap({ ...gap, filled: true, trades: [point(2, 700, '9'), point(3, 1_200, '20')] })
    expect(news()).toEqual([
      '1s 0 revised 10 10 9 9 v2 n2',
      '1s 1 revised 20 20 20 20 v1 n1',
      '1s 2 revised 14 14 14 14 v1 n1',
      '5s 0 revised 10 20 9 13 v5 n5',
    ])
  })

  test('of two gaps the first gives the reason; a candle is complete when both are filled', () => {
    const { aggregator, news } = setUp()
    aggregator.add(trade(1, 500, '10'))
    aggregator.advance(T + 1_000)
    const [a, b] = [
      { fromTime: T + 100, toTime: T + 200, reason: 'a' },
      { fromTime: T + 300, toTime: T + 400, reason: 'b' },
    ]
    aggregator.gap({ ...a, filled: false })
    aggregator.gap({ ...b, filled: false })
    aggregator.gap({ ...a, filled: true })
    aggregator.gap({ ...b, filled: true })
    expect(news().map((line) => line.split('n1')[1])).toEqual(['', ' a', ' a', ' b', ''])
  })

  test('a gap without a trade before or behind it reaches from the beginning to now, and can be filled all the same', () => {
    const { aggregator, news } = setUp({ timeframes: ['1s'] })
    aggregator.add(trade(1, 500, '10'))
    aggregator.add(trade(2, 1_500, '10'))
    aggregator.advance(T + 2_000)
    news()
    const gap = { fromTime: undefined, toTime: undefined, reason: 'unprovable' }
    aggregator.gap({ ...gap, filled: false })
    aggregator.add(trade(3, 2_500, '10'))
    aggregator.advance(T + 4_000)
    aggregator.gap({ ...gap, filled: true })
    expect(news().map((line) => line.replace(/10 10 10 10 v1 n1 ?/, ''))).toEqual([
      '1s 0 revised unprovable',
      '1s 1 revised unprovable',
      '1s 2 closed unprovable',
      '1s 0 revised ',
      '1s 1 revised ',
      '1s 2 revised ',
    ])
  })

  test('a gap whose trades are found too late stays one', () => {
    const { aggregator, news } = setUp({ timeframes: ['1m'], reviseWithinMs: 0 })
    aggregator.add(trade(1, 0, '10'))
    aggregator.gap({ fromTime: T, toTime: T + 100, reason: 'rest-failed', filled: false })
    aggregator.advance(T + 30_000)
    aggregator.gap({ fromTime: T, toTime: T + 100, reason: 'rest-failed', filled: true, trades: [point(2, 50, '11')] })
    aggregator.advance(T + MINUTE)
    expect(news()).toEqual(['1m 0 closed 10 10 10 10 v1 n1 rest-failed'])
  })

  test('restart in mid-bar: the open bar is restored, and nothing is counted twice', () => {
    const before = setUp({ timeframes: ['1s', '1m'] })
    before.aggregator.add(trade(1, 10 * S, '10.5', '1.25'))
    before.aggregator.advance(T + 20 * S)
    before.aggregator.add(trade(2, 20 * S + 100, '0.000000000000000001', '3'))
    const text = JSON.stringify(before.aggregator.snapshot({ closed: false }))
    const after = setUp({ timeframes: ['1s', '1m'], snapshot: JSON.parse(text) as AggregatorSnapshot })
    after.aggregator.add(trade(2, 20 * S + 100, '0.000000000000000001', '3'))
    after.aggregator.add(trade(3, 20 * S + 200, '11', '0.75'))
    after.aggregator.advance(T + MINUTE)
    expect(after.news()).toEqual([
      '1s 20 closed 0.000000000000000001 11 0.000000000000000001 11 v3.75 n2',
      '1m 0 closed 10.5 11 0.000000000000000001 11 v5 n3', // 1.25 + 3 + 0.75
    ])
    expect(after.aggregator.statistics).toMatchObject({ trades: 1, duplicates: 1 })
    // The closed candles were left out.
    after.aggregator.add(trade(4, 10 * S, '12'))
    expect(after.aggregator.statistics).toMatchObject({ tooLate: 1 })
  })

  test('open updates, at most every interval, show what has not been folded yet', () => {
    const { aggregator, news } = setUp({ timeframes: ['1s', '1m'], updateIntervalMs: 250 })
    aggregator.add(trade(1, 100, '10'))
    expect(aggregator.nextDueAt()).toBe(-Infinity)
    aggregator.advance(T + 100)
    expect(news()).toEqual(['1s 0 open 10 10 10 10 v1 n1', '1m 0 open 10 10 10 10 v1 n1'])
    aggregator.add(trade(2, 200, '11'))
    aggregator.advance(T + 200)
    aggregator.add(trade(3, 300, '9'))
    aggregator.advance(T + 349)
    expect([news(), aggregator.nextDueAt()]).toEqual([[], T + 350])
    aggregator.advance(T + 350)
    expect(news()).toEqual(['1s 0 open 10 11 9 9 v3 n3', '1m 0 open 10 11 9 9 v3 n3'])
    aggregator.advance(T + 900)
    expect(news()).toEqual([]) // nothing new
    aggregator.advance(T + 1_000)
    aggregator.add(trade(4, 1_100, '12'))
    aggregator.advance(T + 1_100)
    expect(news()).toEqual(['1s 0 closed 10 11 9 9 v3 n3', '1s 1 open 12 12 12 12 v1 n1', '1m 0 open 10 12 9 12 v4 n4'])
  })

  test('a quiet market: the clock alone closes, and fills a complete series', () => {
    const { aggregator, news } = setUp({ timeframes: ['1s', '5s'], completeSeries: true, allowedLatenessMs: 200 })
    expect(aggregator.nextCloseAt()).toBeUndefined()
    aggregator.add(trade(1, 2_500, '10'))
    expect(aggregator.nextCloseAt()).toBe(T + 3_200)
    aggregator.advance(T + 3_200)
    expect(news()).toEqual(['1s 2 closed 10 10 10 10 v1 n1'])
    expect(aggregator.nextCloseAt()).toBe(T + 4_200)
    aggregator.advance(T + 6_300)
    expect(news()).toEqual([
      '1s 3 closed 10 10 10 10 v0 n0',
      '1s 4 closed 10 10 10 10 v0 n0',
      '5s 0 closed 10 10 10 10 v1 n1',
      '1s 5 closed 10 10 10 10 v0 n0',
    ])
    // A late trade that changes a close changes the empty candles that stand at it.
    aggregator.add(trade(2, 3_500, '11'))
    expect(news()).toEqual([
      '1s 3 revised 11 11 11 11 v1 n1',
      '1s 4 revised 11 11 11 11 v0 n0',
      '1s 5 revised 11 11 11 11 v0 n0',
      '5s 0 revised 10 11 10 11 v2 n2',
    ])
  })

  test('with a previous close a series needs no trade to begin', () => {
    const { aggregator, news } = setUp({ completeSeries: true, previousClose: asDecimal('9.50'), since: T + 500 })
    aggregator.advance(T + 2_000)
    expect(news()).toEqual(['1s 0 closed 9.5 9.5 9.5 9.5 v0 n0 before-start', '1s 1 closed 9.5 9.5 9.5 9.5 v0 n0'])
    const other = setUp({ completeSeries: true, previousClose: asDecimal('9.50') })
    other.aggregator.advance(T + 500)
    other.aggregator.advance(T + 1_000)
    expect(other.news()).toEqual(['1s 0 closed 9.5 9.5 9.5 9.5 v0 n0'])
  })
})

describe('doubt', () => {
  test('what closes during an interruption is incomplete until a live trade proves what came before', () => {
    const { aggregator, news } = setUp({ timeframes: ['1s', '5s'], completeSeries: true })
    aggregator.add(trade(1, 500, '10'))
    aggregator.advance(T + 1_600)
    aggregator.doubt('interrupted')
    aggregator.advance(T + 3_000)
    expect(news()).toEqual([
      '1s 0 closed 10 10 10 10 v1 n1',
      '1s 1 closed 10 10 10 10 v0 n0 interrupted',
      '1s 2 closed 10 10 10 10 v0 n0 interrupted',
    ])
    // Found over REST: proves second 1 and what is before 2.300 of second 2, which is not all of it.
    aggregator.add(point(2, 2_300, '11'))
    expect(news()).toEqual(['1s 1 revised 10 10 10 10 v0 n0', '1s 2 revised 11 11 11 11 v1 n1 interrupted'])
    aggregator.advance(T + 4_000)
    expect(news()).toEqual(['1s 3 closed 11 11 11 11 v0 n0 interrupted'])
    aggregator.add(trade(3, 3_950, '12'))
    expect(news()).toEqual(['1s 2 revised 11 11 11 11 v1 n1', '1s 3 revised 12 12 12 12 v1 n1'])
    aggregator.advance(T + 5_000)
    expect(news()).toEqual(['1s 4 closed 12 12 12 12 v0 n0', '5s 0 closed 10 12 10 12 v3 n3'])
  })

  test('an interruption longer than the revision window loses nothing', () => {
    const { aggregator, candles } = setUp({ timeframes: ['1m'], completeSeries: true, reviseWithinMs: MINUTE })
    aggregator.add(trade(1, 0, '10'))
    aggregator.advance(T + 1)
    aggregator.doubt('interrupted')
    aggregator.advance(T + 10 * MINUTE)
    expect(candles.map(({ complete }) => complete)).toEqual(Array(10).fill(false))
    candles.length = 0
    for (let minute = 1; minute < 10; minute++) aggregator.add(point(minute + 1, minute * MINUTE, '11'))
    aggregator.add(trade(11, 10 * MINUTE, '12'))
    expect(aggregator.statistics).toMatchObject({ trades: 11, tooLate: 0 })
    const last = new Map(candles.map((candle) => [candle.openTime, candle]))
    expect([...last.values()].map(({ complete, tradesCount }) => `${complete} ${tradesCount}`)).toEqual(Array(10).fill('true 1'))
  })
})

describe('duplicates', () => {
  test.each([
    ['numbers', (n: number) => String(1_000 + n)],
    ['numbers too long to count with', (n: number) => String(7_000_000_000_000_000_000n + BigInt(n))],
    ['other ids', (n: number) => `f${n}-aa`],
  ])('%s: an id seen before changes nothing', (_name, idOf) => {
    const { aggregator, candles } = setUp()
    for (const n of [1, 2, 3, 2, 7, 6, 1, 7, 5]) aggregator.add({ ...trade(0, 10 * n, '10'), id: idOf(n) })
    aggregator.flush()
    expect(candles.map(({ tradesCount }) => tradesCount)).toEqual([6])
    expect(aggregator.statistics).toMatchObject({ trades: 6, duplicates: 3 })
  })

  test('a merged row covers its fills; one that is known in part cannot be taken apart, and says so', () => {
    const { aggregator, news } = setUp()
    aggregator.add({ ...trade(10, 10, '10', '3'), count: 3 }) // 8, 9, 10
    aggregator.add(trade(9, 10, '10'))
    aggregator.add({ ...trade(12, 20, '10', '4'), count: 4 }) // 9 .. 12
    aggregator.add(trade(11, 30, '10'))
    aggregator.flush()
    expect(news()).toEqual(['1s 0 closed 10 10 10 10 v4 n4 overlap'])
    expect(aggregator.statistics).toMatchObject({ trades: 2, duplicates: 1, overlapping: 1 })
  })

  test("ids that are not unique are nobody's business when told so", () => {
    const { aggregator, news } = setUp({ dropDuplicates: false })
    for (const at of [1, 2]) aggregator.add(trade(1, at, '10'))
    aggregator.flush()
    expect(news()).toEqual(['1s 0 closed 10 10 10 10 v2 n2'])
  })

  test('ids are forgotten when their trades would be too late anyway', () => {
    const { aggregator } = setUp({ reviseWithinMs: 1_000 })
    for (let i = 0; i < 100_000; i += 10) {
      aggregator.advance(T + i * 10)
      aggregator.add({ ...trade(0, i * 10, '10'), id: `x${i}` })
    }
    // 10 trades a second, for at most twice the minute that clocks may differ by and the window.
    const { seen } = aggregator.snapshot()
    expect(seen.young.ids.length + seen.old.ids.length).toBeLessThanOrEqual(2 * 61 * 10 + 2)
  })
})

describe('wrong use is a clear error', () => {
  test.each([
    [{ timeframes: ['1H'] }, 'candle aggregator: timeframes.0 is "1H", did you mean "1h"? (allowed values: 1s, 5s, '],
    [{ timeframes: [] }, 'timeframes must have at least 1 item'],
    [{ alowedLatenessMs: 5 }, 'unknown key "alowedLatenessMs", did you mean "allowedLatenessMs"?'],
    [{ reviseWithinMs: -1 }, 'reviseWithinMs is -1, must be at least 0'],
    [{ previousClose: 'abc' }, 'previousClose: must be an unsigned decimal, as text'],
    [{ onCandle: 1 }, 'onCandle: must be a function'],
  ])('%j', (change, message) => {
    const create = () => setUp(change as Partial<CandleAggregatorOptions>)
    expect(create).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) as string }) as Error,
    )
  })

  test.each([
    [{ symbol: 'XYZ-USD' }, 'snapshot.symbol is "ABC-USD", but the aggregator\'s is "XYZ-USD"'],
    [{ timeframes: ['1m'] }, 'snapshot.timeframes is "1s", but the aggregator\'s is "1m"'],
    [{ completeSeries: true }, 'snapshot.completeSeries is "false"'],
  ] as const)('a snapshot of something else: %j', (change, message) => {
    const snapshot = setUp().aggregator.snapshot()
    expect(() => setUp({ ...change, snapshot })).toThrow(message)
  })

  test.each([
    [{ price: '-1' }, 'the price of a trade must be an unsigned decimal, not "-1"'],
    [{ size: '1e999' }, 'the size of a trade must be an unsigned decimal'],
    [{ price: 1.5 as unknown as string }, 'the price of a trade must be text, not a number'],
    [{ timestamp: NaN }, 'the timestamp of a trade must be epoch milliseconds, not NaN'],
    [{ timestamp: T / 1e3 }, 'it is 1767571200, which looks like seconds'],
    [{ timestamp: T * 1e3 + 123 }, 'which looks like microseconds'],
    [{ timestamp: T * 1e6 }, 'which looks like nanoseconds'],
    [{ timestamp: Date.UTC(2150, 0, 1) }, 'expected whole epoch milliseconds from 2009 to 2100'],
    [{ timestamp: T + 0.5 }, 'expected whole epoch milliseconds'],
    [{ timestamp: String(T) as unknown as number }, 'it is of type string'],
    [{ id: 1 as unknown as string }, 'the id of a trade must be text, and is of type number'],
    [{ id: '' }, 'the id of a trade must be text, and is ""'],
    [{ side: 'BUY' as 'buy' }, 'the side of a trade must be buy or sell, and is "BUY"'],
    [{ count: 0 }, 'the count of a trade must be 1 or more, not 0'],
  ])('a malformed trade: %j', (change, message) => {
    const { aggregator, news } = setUp()
    expect(() => aggregator.add({ ...trade(1, 0, '10'), ...change })).toThrow(new RangeError(message).message)
    aggregator.add(trade(1, 0, '10'))
    aggregator.flush()
    expect(news()).toEqual(['1s 0 closed 10 10 10 10 v1 n1'])
  })

  test.each([T / 1e3, T * 1e3, NaN, Infinity, -Infinity])('no time to advance to: %d', (now) => {
    const { aggregator, news } = setUp({ completeSeries: true, previousClose: asDecimal('1'), since: T })
    expect(() => aggregator.advance(now)).toThrow(/^the time to advance to is .* expected whole epoch milliseconds/)
    aggregator.advance(T + S)
    expect(news()).toEqual(['1s 0 closed 1 1 1 1 v0 n0'])
  })

  test('a trade that is stamped years ahead: a complete series ends without it', () => {
    const { aggregator, news } = setUp({ completeSeries: true })
    for (const [id, at] of [0, S, 3 * S, 1_000_000_000 * S].entries()) aggregator.add(trade(id, at, '10'))
    aggregator.flush()
    expect(news()).toEqual([
      '1s 0 closed 10 10 10 10 v1 n1',
      '1s 1 closed 10 10 10 10 v1 n1',
      '1s 2 closed 10 10 10 10 v0 n0',
      '1s 3 closed 10 10 10 10 v1 n1',
      '1s 1000000000 closed 10 10 10 10 v1 n1 time-doubtful',
    ])
  })

  test('an exponent is no decimal on the wire, but a number', () => {
    const { aggregator, news } = setUp()
    aggregator.add(trade(1, 0, '1e-7', '2.5E3'))
    aggregator.flush()
    expect(news()).toEqual(['1s 0 closed 0.0000001 0.0000001 0.0000001 0.0000001 v2500 n1'])
  })

  test('a throwing consumer loses that candle and no other', () => {
    let failures = 1
    const lines: string[] = []
    const { aggregator } = setUp({
      timeframes: ['1s', '5s'],
      onCandle: (candle) => {
        if (failures-- > 0) throw new Error('consumer')
        lines.push(lineOf(candle))
      },
    })
    aggregator.add(trade(1, 100, '10'))
    aggregator.add(trade(2, 4_100, '11'))
    expect(() => aggregator.advance(T + 5_000)).toThrow('consumer')
    aggregator.advance(T + 5_000)
    expect(lines).toEqual(['1s 4 closed 11 11 11 11 v1 n1', '5s 0 closed 10 11 10 11 v2 n2'])
  })
})

test('timeframes without a divisor among the lower ones are fed by each trade', () => {
  const { aggregator, news } = setUp({ timeframes: ['15s', '10s', '30s'] })
  aggregator.add(trade(1, 9_000, '10'))
  aggregator.add(trade(2, 14_000, '11'))
  aggregator.add(trade(3, 29_000, '12'))
  aggregator.advance(T + 30_000)
  expect(news()).toEqual([
    '10s 0 closed 10 10 10 10 v1 n1',
    '15s 0 closed 10 11 10 11 v2 n2',
    '10s 10 closed 11 11 11 11 v1 n1',
    '10s 20 closed 12 12 12 12 v1 n1',
    '15s 15 closed 12 12 12 12 v1 n1',
    '30s 0 closed 10 12 10 12 v3 n3',
  ])
})

test('a trade of the future just opens its bar', () => {
  const { aggregator, news } = setUp({ completeSeries: true })
  aggregator.add(trade(2, 100 * HOUR, '11'))
  aggregator.add(trade(1, 0, '10'))
  aggregator.advance(T + 1_000)
  expect(news()).toEqual(['1s 0 closed 10 10 10 10 v1 n1'])
  expect(aggregator.nextCloseAt()).toBe(T + 2_000)
})

test('a batch revises a candle once', () => {
  const { aggregator, news } = setUp()
  aggregator.advance(T + 10_000)
  aggregator.addAll([trade(1, 100, '10'), trade(2, 200, '11'), trade(3, 1_200, '12')])
  expect(news()).toEqual(['1s 0 revised 10 11 10 11 v2 n2', '1s 1 revised 12 12 12 12 v1 n1'])
})
