import { describe, expect, test } from 'vitest'
import {
  CANDLE_TIMEFRAMES,
  closeTimeOf,
  EXCHANGE_ONLY_TIMEFRAMES,
  openTimeOf,
  timeframeMs,
  TIMEFRAMES,
} from '../../src/domain/timeframe.ts'

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

describe('openTimeOf', () => {
  test.each([
    ['1s', '2026-01-01T00:00:01.999Z', '2026-01-01T00:00:01Z'],
    ['12h', '2026-01-01T23:00:00Z', '2026-01-01T12:00:00Z'],
    ['1d', '2026-01-01T23:59:59.999Z', '2026-01-01T00:00:00Z'],
    ['1w', '2026-01-05T00:00:00Z', '2026-01-05T00:00:00Z'], // a Monday
    ['1w', '2026-01-04T23:59:59.999Z', '2025-12-29T00:00:00Z'],
    ['1w', '2026-01-01T12:00:00Z', '2025-12-29T00:00:00Z'], // a Thursday, as 1970-01-01 was
    ['1M', '2028-02-29T23:59:59.999Z', '2028-02-01T00:00:00Z'],
    ['3M', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['3M', '2026-03-31T12:00:00Z', '2026-01-01T00:00:00Z'],
    ['3M', '2026-12-31T12:00:00Z', '2026-10-01T00:00:00Z'],
  ] as const)('%s: %s lies in the candle of %s', (timeframe, time, open) => {
    expect(openTimeOf(Date.parse(time), timeframe)).toBe(Date.parse(open))
  })

  test.each(['2d', '3d', '5d'] as const)('%s has no beginning that all agree on', (timeframe) => {
    expect(openTimeOf(0, timeframe)).toBeUndefined()
  })

  test('a candle ends where the next one opens', () => {
    for (const timeframe of CANDLE_TIMEFRAMES) {
      const open = openTimeOf(Date.UTC(2026, 10, 18, 13, 7, 5), timeframe)
      if (open === undefined) continue
      const close = closeTimeOf(open, timeframe)
      expect([openTimeOf(close - 1, timeframe), openTimeOf(close, timeframe)], timeframe).toEqual([open, close])
    }
  })
})
