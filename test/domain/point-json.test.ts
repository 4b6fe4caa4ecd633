import { describe, expect, test } from 'vitest'
import { decimal } from '../../src/domain/decimal.ts'
import type { Gap } from '../../src/domain/gap.ts'
import type { MarketDataPoint } from '../../src/domain/market-data.ts'
import {
  candleFromJson,
  candleToJson,
  gapFromJson,
  gapToJson,
  JsonShapeError,
  pointFromJson,
  pointToJson,
} from '../../src/domain/point-json.ts'
import fc from '../support/fast-check.ts'
import { anyCandle, anyGap, anyPoint, plain } from '../support/arbitrary-points.ts'
import { asDecimal } from '../support/decimals.ts'

const through = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('round trip', () => {
  test('of points of every kind', () => {
    fc.assert(
      fc.property(anyPoint, (point) => {
        expect(plain(pointFromJson(through(pointToJson(point))))).toEqual(plain(point))
      }),
    )
  })

  test('of candles', () => {
    fc.assert(
      fc.property(anyCandle, (candle) => {
        expect(plain(candleFromJson(through(candleToJson(candle))))).toEqual(plain(candle))
      }),
    )
  })

  test('of gaps, with the trades that filled them', () => {
    fc.assert(
      fc.property(anyGap, (gap) => {
        expect(gapFromJson(through(gapToJson(gap)))).toEqual(gap)
      }),
    )
  })

  test('keeps every digit, and what looks like markup', () => {
    const point: MarketDataPoint = {
      exchange: 'o"k\u0000x',
      symbol: "Ⓑ'; DROP TABLE--\n",
      dataType: 'trade',
      timestamp: 1_700_000_000_000.125,
      receivedAt: 1_700_000_000_001,
      data: { id: '1', price: asDecimal('0.100000000000000000'), size: asDecimal('00012.50'), side: 'buy', backfilled: false },
    }
    expect(pointFromJson(through(pointToJson(point)))).toEqual(point)
  })
})

describe('plain data', () => {
  test('has text for decimals and no undefined', () => {
    const candle = fc.sample(anyCandle, { numRuns: 1, seed: 1 })[0]!
    const json = candleToJson({ ...candle, open: decimal(asDecimal('0.1')), quoteVolume: undefined })
    expect(json).toMatchObject({ open: '0.1' })
    expect(json).not.toHaveProperty('quoteVolume')
  })

  test('that has undergone JSON is the same: nothing in it needs a replacer', () => {
    fc.assert(
      fc.property(anyPoint, (point) => {
        expect(through(pointToJson(point))).toEqual(pointToJson(point))
      }),
    )
  })
})

describe('what is wrong is named', () => {
  const trade = {
    exchange: 'okx',
    symbol: 'BTC-USDT',
    dataType: 'trade',
    timestamp: 1,
    receivedAt: 1,
    data: { id: '1', price: '1', size: '1', side: 'buy', backfilled: false },
  }
  test.each([
    ['nothing', undefined, /not a point/],
    ['another kind', { ...trade, dataType: 'rumour' }, /dataType: none of ticker, trade/],
    ['a float', { ...trade, data: { ...trade.data, price: 1.5 } }, /data\.price: not a plain decimal number/],
    ['an exponent', { ...trade, data: { ...trade.data, price: '1e5' } }, /data\.price/],
    ['a side', { ...trade, data: { ...trade.data, side: 'both' } }, /data\.side/],
    ['no time', { ...trade, timestamp: null }, /timestamp/],
  ])('%s', (_name, value, message) => {
    expect(() => pointFromJson(value)).toThrow(JsonShapeError)
    expect(() => pointFromJson(value)).toThrow(message)
  })

  test('in gaps and candles, too', () => {
    const gap: Partial<Gap> = { exchange: 'okx' }
    expect(() => gapFromJson(gap)).toThrow(/not a gap: .*reason/)
    expect(() => candleFromJson({ open: 'NaN' })).toThrow(/not a candle: .*open: not a plain/)
  })
})
