import { describe, expect, test } from 'vitest'
import { CANDLE_TIMEFRAMES, closeTimeOf, EXCHANGE_ONLY_TIMEFRAMES, timeframeMs, TIMEFRAMES } from '../../src/domain/timeframe.ts'

test('there are the eleven timeframes of the design', () => {
  expect(TIMEFRAMES).toEqual(['1s', '5s', '10s', '15s', '30s', '1m', '5m', '15m', '1h', '4h', '1d'])
  expect(new Set(CANDLE_TIMEFRAMES).size).toBe(TIMEFRAMES.length + EXCHANGE_ONLY_TIMEFRAMES.length)
})

test.each([
  ['1s', 1_000],
  ['15s', 15_000],
  ['1m', 60_000],
  ['30m', 1_800_000],
  ['4h', 14_400_000],
  ['1d', 86_400_000],
  ['5d', 432_000_000],
  ['1w', 604_800_000],
  ['1M', undefined],
  ['3M', undefined],
] as const)('%s lasts %s ms', (timeframe, expected) => expect(timeframeMs(timeframe)).toBe(expected))

test('every timeframe but the months has a length', () => {
  for (const timeframe of CANDLE_TIMEFRAMES) expect(timeframeMs(timeframe) === undefined).toBe(timeframe.endsWith('M'))
})

describe('closeTimeOf', () => {
  test.each([
    ['1s', '2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'],
    ['1d', '2026-03-29T00:00:00Z', '2026-03-30T00:00:00Z'],
    ['1w', '2026-02-23T00:00:00Z', '2026-03-02T00:00:00Z'],
    ['1M', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'],
    ['1M', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
    ['1M', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['3M', '2026-10-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['3M', '2026-01-01T00:00:00Z', '2026-04-01T00:00:00Z'],
  ] as const)('%s from %s ends at %s', (timeframe, open, close) => {
    expect(closeTimeOf(Date.parse(open), timeframe)).toBe(Date.parse(close))
  })
})
