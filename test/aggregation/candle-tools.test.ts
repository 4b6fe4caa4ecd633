import { describe, expect, test } from 'vitest'
import { compareCandles } from '../../src/aggregation/compare-candles.ts'
import { foldCandles } from '../../src/aggregation/fold-candles.ts'
import { vwap } from '../../src/aggregation/vwap.ts'
import { validateOhlcvData } from '../../src/core/validate-ohlcv.ts'
import type { OhlcvData } from '../../src/domain/market-data.ts'
import type { CandleTimeframe } from '../../src/domain/timeframe.ts'

const T = Date.UTC(2026, 0, 5)

function candle(minute: number, prices: string, volume: string, more: Partial<OhlcvData> = {}): OhlcvData {
  const [open, high, low, close] = prices.split(' ')
  const numbers = {
    openTime: T + minute * 60_000,
    open,
    high,
    low,
    close,
    volume,
    quoteVolume: '20',
    tradesCount: volume === '0' ? 0 : 2,
  }
  return { ...validateOhlcvData({ exchange: 'test', ...numbers }, 'ABC-USD', '1m'), ...more }
}

describe('foldCandles', () => {
  test('first open, highest high, lowest low, last close, sums; the last of two of the same bucket counts', () => {
    const minutes = [
      candle(1, '11 15 9 12', '0.2'),
      candle(0, '10 12 8 11', '0.1'),
      candle(6, '20 20 20 20', '1', { complete: false, incompleteReason: 'stopped' }),
      candle(1, '11 14 9 13', '0.3', { status: 'revised' }),
      candle(4, '13 13 13 13', '0'),
    ]
    const [first, second, ...rest] = foldCandles(minutes, '5m')
    expect(rest).toEqual([])
    expect(JSON.parse(JSON.stringify(first))).toMatchObject({
      timeframe: '5m',
      openTime: T,
      closeTime: T + 300_000,
      open: '10',
      high: '14',
      low: '8',
      close: '13',
      volume: '0.4', // 0.1 + 0.3
      quoteVolume: '40', // 20 + 20; the empty minute has no trades
      tradesCount: 4,
      status: 'closed',
      complete: true,
    })
    expect(first?.takerBuyVolume).toBeUndefined()
    expect(second).toMatchObject({ openTime: T + 300_000, complete: false, incompleteReason: 'stopped' })
  })

  test('an empty candle at the beginning does not give the open', () => {
    const [folded] = foldCandles([candle(0, '9 9 9 9', '0'), candle(1, '10 10 10 10', '1')], '5m')
    expect([folded?.open, folded?.low].map(String)).toEqual(['10', '10'])
    const [empty] = foldCandles([candle(0, '9 9 9 9', '0'), candle(1, '9 9 9 9', '0')], '5m')
    expect([empty?.open, empty?.volume, empty?.tradesCount].map(String)).toEqual(['9', '0', '0'])
  })

  test('days to weeks, which begin on Monday, and to months and quarters', () => {
    const day = (at: number, price: string): OhlcvData => {
      const numbers = { open: price, high: price, low: price, close: price, volume: '1' }
      return validateOhlcvData({ exchange: 'test', openTime: T + at * 86_400_000, ...numbers }, 'ABC-USD', '1d')
    }
    // T is Monday, 2026-01-05: four days of the week before, then five weeks.
    const days = Array.from({ length: 39 }, (_, i) => day(i - 4, String(100 + i)))
    const shown = (timeframe: CandleTimeframe) =>
      foldCandles(days, timeframe).map(({ openTime, closeTime, open, close, volume }) =>
        [new Date(openTime).toISOString().slice(0, 10), (closeTime - openTime) / 86_400_000, open, close, volume].join(' '),
      )
    expect(shown('1w')).toEqual([
      '2025-12-29 7 100 103 4',
      '2026-01-05 7 104 110 7',
      '2026-01-12 7 111 117 7',
      '2026-01-19 7 118 124 7',
      '2026-01-26 7 125 131 7',
      '2026-02-02 7 132 138 7',
    ])
    expect(shown('1M')).toEqual(['2026-01-01 31 100 130 31', '2026-02-01 28 131 138 8'])
    expect(shown('3M')).toEqual(['2026-01-01 90 100 138 39'])
    expect(foldCandles(foldCandles(days, '1M'), '3M')).toEqual(foldCandles(days, '3M'))
  })

  test.each<[CandleTimeframe, CandleTimeframe]>([
    ['1w', '1M'], // a week may lie in two months
    ['1w', '3M'],
    ['1d', '3d'], // of which each exchange has its own
    ['2d', '1M'],
    ['1M', '1w'],
    ['1M', '1d'],
    ['3M', '1M'],
    ['2h', '3m'],
  ])('%s candles are no part of %s candles', (lower, higher) => {
    const openTime = lower.endsWith('M') ? Date.UTC(2026, 0, 1) : T
    const one = validateOhlcvData({ openTime, open: '1', high: '1', low: '1', close: '1', volume: '1' }, 'ABC-USD', lower)
    expect(() => foldCandles([one], higher)).toThrow(`${lower} candles cannot be folded to ${higher}`)
  })

  test('what does not fit together is refused', () => {
    expect(() => foldCandles([candle(0, '1 1 1 1', '1'), candle(1, '1 1 1 1', '1', { symbol: 'X-Y' })], '5m')).toThrow(
      'of two series',
    )
    expect(() => foldCandles([candle(0, '1 1 1 1', '1')], '30s')).toThrow('1m candles cannot be folded to 30s')
    expect(foldCandles([], '1h')).toEqual([])
  })
})

test('vwap', () => {
  expect(vwap(candle(0, '10 12 8 11', '8'))?.toString()).toBe('2.5') // 20 / 8
  expect(vwap(candle(0, '10 12 8 11', '0'))).toBeUndefined()
  expect(vwap(candle(0, '10 12 8 11', '8', { quoteVolume: undefined }))).toBeUndefined()
})

describe('compareCandles', () => {
  test('names what differs, with both values, and compares only what both say', () => {
    const ours = candle(0, '10 12 8 11', '8.50')
    expect(compareCandles(ours, candle(0, '10.0 12 8 11', '8.5'))).toEqual([])
    const theirs = candle(0, '10 12 7 11', '8.5', { tradesCount: 3, quoteVolume: undefined })
    expect(compareCandles(ours, theirs).map(({ field, ours: a, theirs: b }) => `${field} ${String(a)} ${String(b)}`)).toEqual([
      'low 8 7',
      'tradesCount 2 3',
    ])
  })

  test('two buckets have nothing to compare', () => {
    expect(() => compareCandles(candle(0, '1 1 1 1', '1'), candle(1, '1 1 1 1', '1'))).toThrow('candles of two buckets: openTime')
  })
})

test('validateOhlcvData: takers cannot have bought more than was traded', () => {
  const numbers = { openTime: T, open: '1', high: '1', low: '1', close: '1', volume: '2', takerBuyVolume: '2.1' }
  expect(() => validateOhlcvData(numbers, 'ABC-USD', '1m')).toThrow('takerBuyVolume 2.1 is above volume 2')
  expect(validateOhlcvData({ ...numbers, takerBuyVolume: '2' }, 'ABC-USD', '1m').takerBuyVolume?.toString()).toBe('2')
})
