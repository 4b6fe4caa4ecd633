import { describe, expect, test } from 'vitest'
import { validateOhlcvData, type OhlcvInput } from '../../src/core/validate-ohlcv.ts'
import { Decimal } from '../../src/domain/decimal.ts'
import { TapekeeperError } from '../../src/errors/tapekeeper-error.ts'
import fc from '../support/fast-check.ts'

const good: OhlcvInput = {
  openTime: Date.UTC(2026, 0, 1),
  open: '100.5',
  high: '101',
  low: '99.25',
  close: '100',
  volume: '12.5',
}

function violationsOf(input: OhlcvInput, timeframe = '1m'): readonly string[] {
  try {
    validateOhlcvData(input, 'BTC-USDT', timeframe)
    return []
  } catch (error) {
    if (!TapekeeperError.is(error)) throw error
    expect(error.code).toBe('OHLCV_INVALID')
    const violations = error.context['violations'] as string[]
    for (const violation of violations) expect(error.message).toContain(violation)
    return violations
  }
}

test('a good candle becomes OhlcvData, exact', () => {
  const candle = validateOhlcvData({ ...good, exchange: 'okx', quoteVolume: '1.10', tradesCount: 3 }, 'BTC-USDT', '1h')
  expect(candle).toMatchObject({
    exchange: 'okx',
    symbol: 'BTC-USDT',
    timeframe: '1h',
    openTime: Date.UTC(2026, 0, 1),
    closeTime: Date.UTC(2026, 0, 1, 1),
    tradesCount: 3,
    status: 'closed',
    complete: true,
    source: 'exchange',
  })
  expect([candle.open, candle.high, candle.low, candle.close, candle.volume, candle.quoteVolume].map(String)).toEqual([
    '100.5',
    '101',
    '99.25',
    '100',
    '12.5',
    '1.1',
  ])
})

test.each([
  ['Decimal', { ...good, open: new Decimal('100.5') }],
  ['number', { ...good, open: 100.5 }],
  ['all prices equal', { ...good, open: '1', high: '1', low: '1', close: '1' }],
  ['no volume', { ...good, volume: '0' }],
  ['minus zero', { ...good, volume: '-0' }],
  ['optional fields left out', { ...good, quoteVolume: undefined, tradesCount: null }],
  ['optional fields empty', { ...good, quoteVolume: '', tradesCount: '' }],
])('accepted: %s', (_name, input) => expect(violationsOf(input)).toEqual([]))

describe('each rule', () => {
  test.each<[string, Partial<OhlcvInput>, string, RegExp]>([
    ['open is no number', { open: 'abc' }, '1m', /^open is not a finite decimal: "abc"$/],
    ['missing close', { close: undefined }, '1m', /^close is not a finite decimal: undefined$/],
    ['infinite', { high: Infinity }, '1m', /^high is not a finite decimal/],
    ['NaN', { volume: NaN }, '1m', /^volume is not a finite decimal/],
    ['low above open', { low: '100.75', close: '100.8' }, '1m', /^low 100.75 is above open 100.5$/],
    ['high below close', { close: '102' }, '1m', /^high 101 is below close 102$/],
    ['negative volume', { volume: '-1' }, '1m', /^volume is negative/],
    ['negative quote volume', { quoteVolume: '-0.1' }, '1m', /^quoteVolume is negative/],
    ['negative count', { tradesCount: -1 }, '1m', /^tradesCount is negative/],
    ['half a trade', { tradesCount: '1.5' }, '1m', /^tradesCount is not a whole number/],
    ['unknown timeframe', {}, '7m', /^timeframe "7m" is unknown; known: 1s 5s/],
    ['seconds instead of milliseconds', { openTime: Date.UTC(2026, 0, 1) + 1 }, '1s', /is not the start of a 1s candle/],
    ['time as text', { openTime: '2026-01-01' }, '1m', /^openTime is not an epoch time in milliseconds: "2026-01-01"$/],
    ['time before 1970', { openTime: -60_000 }, '1m', /^openTime is not an epoch time/],
    [
      'seconds',
      { openTime: Date.UTC(2026, 0, 1) / 1e3 },
      '1m',
      /^openTime is not .*: it is 1767225600, which looks like seconds; /,
    ],
    ['microseconds', { openTime: Date.UTC(2026, 0, 1) * 1e3 }, '1m', /^openTime is not .* which looks like microseconds; /],
    ['nanoseconds', { openTime: Date.UTC(2026, 0, 1) * 1e6 }, '1m', /^openTime is not .* which looks like nanoseconds; /],
    ['the year 2150', { openTime: Date.UTC(2150, 0, 1) }, '1d', /^openTime is not .* from 2009 to 2100$/],
    ['not aligned', { openTime: Date.UTC(2026, 0, 1, 2) }, '4h', /is not the start of a 4h candle/],
    ['a week starts on Monday', { openTime: Date.UTC(2026, 0, 4) }, '1w', /is not the start of a 1w candle/],
    ['a month on the first', { openTime: Date.UTC(2026, 0, 2) }, '1M', /is not the start of a 1M candle/],
    ['at midnight', { openTime: Date.UTC(2026, 0, 1, 1) }, '3d', /is not the start of a 3d candle/],
  ])('%s', (_name, change, timeframe, expected) => {
    const violations = violationsOf({ ...good, ...change }, timeframe)
    expect(violations).toHaveLength(1)
    expect(violations[0]).toMatch(expected)
  })

  test.each([
    ['1w', Date.UTC(2026, 0, 5)],
    ['1M', Date.UTC(2026, 1, 1)],
    ['2d', Date.UTC(2026, 0, 2)],
    ['12h', Date.UTC(2026, 0, 1, 12)],
  ])('aligned: %s', (timeframe, openTime) => expect(violationsOf({ ...good, openTime }, timeframe)).toEqual([]))

  test('all that are broken are named at once', () => {
    expect(violationsOf({ openTime: 1, open: 'x', high: '1', low: '2', close: '3', volume: '-1' }, '1m')).toHaveLength(5)
  })
})

test('accepts exactly low <= open, close <= high', () => {
  const price = fc.integer({ min: 1, max: 4 })
  fc.assert(
    fc.property(price, price, price, price, (open, high, low, close) => {
      const valid = low <= Math.min(open, close, high) && high >= Math.max(open, close)
      const violations = violationsOf({ ...good, open: String(open), high: String(high), low: String(low), close: String(close) })
      expect(violations.length === 0).toBe(valid)
    }),
    { seed: 13, numRuns: 256 },
  )
})
