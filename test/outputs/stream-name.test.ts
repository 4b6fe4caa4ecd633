import { expect, test } from 'vitest'
import { matchesStream, parseStream, streamOf, tradeStreamOf } from '../../src/outputs/stream-name.ts'
import fc from '../support/fast-check.ts'
import { anyPoint, anyText } from '../support/arbitrary-points.ts'

test('a name says what it is about, whatever the names in it', () => {
  fc.assert(
    fc.property(anyPoint, (point) => {
      const { exchange, symbol, dataType } = point
      const timeframe = point.dataType === 'candle' ? point.data.timeframe : undefined
      expect(parseStream(streamOf(point))).toEqual({ exchange, symbol, dataType, timeframe })
    }),
  )
})

test('a gap goes where its trades go', () => {
  fc.assert(
    fc.property(anyText, anyText, (exchange, symbol) => {
      const stream = tradeStreamOf({ exchange, symbol })
      expect(parseStream(stream)).toEqual({ exchange, symbol, dataType: 'trade', timeframe: undefined })
    }),
  )
})

test('the usual names are plain', () => {
  expect(tradeStreamOf({ exchange: 'okx', symbol: 'BTC-USDT' })).toBe('okx:BTC-USDT:trade')
})

test.each([
  '',
  'okx',
  'okx:BTC-USDT',
  'okx:BTC-USDT:nothing',
  'okx:BTC-USDT:trade:1m',
  'okx:X:candle',
  'okx:X:candle:7m',
  'a:b:trade:c:d',
])('%j is no name of a stream', (name) => {
  expect(parseStream(name)).toBeUndefined()
})

test.each([
  [{}, true],
  [{ exchange: 'okx' }, true],
  [{ exchange: 'kraken' }, false],
  [{ symbol: 'ETH-USDT' }, false],
  [{ dataType: 'trade' }, false],
  [{ dataType: 'candle' }, true],
  [{ dataType: 'candle', timeframe: '1m' }, true],
  [{ dataType: 'candle', timeframe: '5m' }, false],
] as const)('filter %j on a 1m candle: %s', (filter, expected) => {
  expect(matchesStream(filter, parseStream('okx:BTC-USDT:candle:1m')!)).toBe(expected)
})
