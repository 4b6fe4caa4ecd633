import { describe, expect, test } from 'vitest'
import { CONSOLIDATED, mergeCandles } from '../../../src/aggregation/consolidated/merge-candles.ts'
import { Decimal } from '../../../src/domain/decimal.ts'
import type { OhlcvData } from '../../../src/domain/market-data.ts'
import type { SizeTerms } from '../../../src/aggregation/quote-rule.ts'
import { asDecimal } from '../../support/decimals.ts'
import fc from '../../support/fast-check.ts'

const OPEN = Date.UTC(2026, 10, 22)

function candle(exchange: string, prices: string, volume: string, more: Partial<OhlcvData> = {}): OhlcvData {
  const [open, high, low, close] = prices.split(' ').map((text) => new Decimal(text)) as [Decimal, Decimal, Decimal, Decimal]
  return {
    ...{ exchange, symbol: 'BTC-USDT', timeframe: '1m', openTime: OPEN, closeTime: OPEN + 60_000 },
    ...{ open, high, low, close, volume: new Decimal(volume), quoteVolume: undefined, takerBuyVolume: undefined, tradesCount: 1 },
    ...{ status: 'closed', complete: true, incompleteReason: undefined, source: 'trades', ...more },
  }
}

const words = ({ open, high, low, close, volume }: OhlcvData): string => [open, high, low, close, volume].map(String).join(' ')

describe('mergeCandles', () => {
  test('prices of the venue with the largest volume, extremes of all, sums', () => {
    const merged = mergeCandles([
      candle('a', '10 12 9 11', '0.1', { quoteVolume: new Decimal('1.1'), takerBuyVolume: new Decimal('0.04'), tradesCount: 3 }),
      candle('b', '10.5 11 10 10.7', '0.7', {
        quoteVolume: new Decimal('7.3'),
        takerBuyVolume: new Decimal('0.3'),
        tradesCount: 4,
      }),
      candle('c', '10 13.25 10 12', '0.2', { quoteVolume: new Decimal('2.4'), takerBuyVolume: new Decimal(0), tradesCount: 5 }),
    ])
    expect(words(merged)).toBe('10.5 13.25 9 10.7 1')
    expect(merged).toMatchObject({
      ...{ exchange: CONSOLIDATED, symbol: 'BTC-USDT', timeframe: '1m', openTime: OPEN, closeTime: OPEN + 60_000 },
      ...{ tradesCount: 12, status: 'closed', complete: true, source: 'trades' },
    })
    expect([merged.quoteVolume?.toString(), merged.takerBuyVolume?.toString()]).toEqual(['10.8', '0.34'])
  })

  test('of equal volumes the first', () => {
    expect(words(mergeCandles([candle('a', '1 2 1 2', '5'), candle('b', '3 4 3 4', '5.0')]))).toBe('1 4 1 2 10')
  })

  test('an empty candle has no extremes to add', () => {
    const empty = candle('quiet', '99 99 99 99', '0', { tradesCount: 0 })
    expect(words(mergeCandles([empty, candle('a', '10 12 9 11', '1')]))).toBe('10 12 9 11 1')
    expect(words(mergeCandles([empty, candle('b', '7 7 7 7', '0', { tradesCount: 0 })]))).toBe('99 99 99 99 0')
  })

  test.each<[string, Partial<OhlcvData>, Partial<OhlcvData>]>([
    ['open while one is', { status: 'open' }, { status: 'open' }],
    ['revised when one is', { status: 'revised' }, { status: 'revised' }],
    [
      'complete only when all are',
      { complete: false, incompleteReason: 'rest-failed' },
      { complete: false, incompleteReason: 'rest-failed' },
    ],
    ['from exchanges when one is', { source: 'exchange' }, { source: 'exchange' }],
    ['count unknown when one is', { tradesCount: undefined }, { tradesCount: undefined }],
  ])('%s', (_name, one, expected) => {
    const merged = mergeCandles([candle('a', '1 1 1 1', '1'), candle('b', '1 1 1 1', '1', one)])
    expect(merged).toMatchObject(expected)
    expect(
      mergeCandles([candle('a', '1 1 1 1', '1', { quoteVolume: new Decimal(1) }), candle('b', '1 1 1 1', '1')]).quoteVolume,
    ).toBe(undefined)
  })

  test.each<[string, OhlcvData[], RegExp]>([
    ['none', [], /no candle to merge/],
    [
      'other pairs',
      [candle('a', '1 1 1 1', '1'), candle('b', '1 1 1 1', '1', { symbol: 'BTC-USD' })],
      /symbol differs: BTC-USDT, BTC-USD/,
    ],
    [
      'other timeframes',
      [candle('a', '1 1 1 1', '1'), candle('b', '1 1 1 1', '1', { timeframe: '5m' })],
      /timeframe differs: 1m, 5m/,
    ],
    ['other times', [candle('a', '1 1 1 1', '1'), candle('b', '1 1 1 1', '1', { openTime: 0 })], /openTime differs/],
    ['one exchange twice', [candle('a', '1 1 1 1', '1'), candle('a', '1 1 1 1', '1')], /exchange a is there twice/],
  ])('%s: refused', (_name, candles, message) => {
    expect(() => mergeCandles(candles)).toThrow(expect.objectContaining({ code: 'OHLCV_INVALID' }) as Error)
    expect(() => mergeCandles(candles)).toThrow(message)
  })

  describe('contracts', () => {
    const perp = (exchange: string, volume: string, more: Partial<OhlcvData> = {}) =>
      candle(exchange, '1 1 1 1', volume, { symbol: 'BTC-USDT-PERP', takerBuyVolume: new Decimal(volume).div(4), ...more })
    const linear = (size: string) => ({ sizeUnit: 'contract', contractSize: asDecimal(size), contractType: 'linear' }) as const
    const inverse = (size: string) => ({ sizeUnit: 'contract', contractSize: asDecimal(size), contractType: 'inverse' }) as const

    test.each([
      [
        'linear ones of unequal sizes and base currency: base currency',
        [linear('0.01'), linear('0.0001'), { sizeUnit: 'base' }],
        '5.0403',
        '1.260075',
      ],
      ['inverse ones: the quote currency that they are worth', [inverse('100'), inverse('1'), inverse('10')], '453', '113.25'],
    ] as const)('%s', (_name, [a, b, c], volume, buyVolume) => {
      const candles = [perp('a', '4'), perp('b', '3'), perp('c', '5', { open: new Decimal(9), high: new Decimal(9) })]
      const merged = mergeCandles(candles, { instruments: { a, b, c } })
      expect([merged.volume.toString(), merged.takerBuyVolume?.toString()]).toEqual([volume, buyVolume])
      // The largest is not the one with the largest number.
      expect(merged.open.toString()).toBe(volume === '453' ? '1' : '9')
      expect(mergeCandles(candles.slice(0, 1), { instruments: { a } }).volume.eq(volumeOf(a, 4))).toBe(true)
    })
    const volumeOf = ({ contractSize }: SizeTerms, volume: number): Decimal => new Decimal(contractSize ?? 1).times(volume)

    test.each([
      [undefined, /what sizes count on b is not known: give its instrument in instruments\.b/],
      [{ sizeUnit: 'contract' } as const, /what sizes count on b is not known/],
      [inverse('100'), /linear and inverse contracts cannot be added/],
    ])('%j beside a linear one: refused', (b, message) => {
      const merge = () => mergeCandles([perp('a', '4'), perp('b', '3')], { instruments: { a: linear('0.01'), b } })
      expect(merge).toThrow(expect.objectContaining({ code: 'OHLCV_INVALID' }) as Error)
      expect(merge).toThrow(message)
    })

    test('one alone is left as it is', () => {
      expect(mergeCandles([perp('a', '4')]).volume.toString()).toBe('4')
    })
  })

  test('is a valid candle, sums to the last digit, and does not depend on the order but for equal volumes', () => {
    const digits = fc.integer({ min: 1, max: 10 ** 9 })
    const row = fc.tuple(fc.array(digits, { minLength: 4, maxLength: 4 }), fc.nat(10 ** 9))
    fc.assert(
      fc.property(fc.uniqueArray(row, { minLength: 1, maxLength: 6, selector: ([, volume]) => volume }), (rows) => {
        const candles = rows.map(([prices, volume], index) => {
          const [low, ...rest] = prices.toSorted((a, b) => a - b).map((value) => new Decimal(value).div(1_000_000)) as [
            Decimal,
            ...Decimal[],
          ]
          const [open, close, high] = rest as [Decimal, Decimal, Decimal]
          return candle(`x${index}`, '1 1 1 1', new Decimal(volume).div(1e8).toString(), { open, high, low, close })
        })
        const merged = mergeCandles(candles)
        for (const price of [merged.open, merged.close]) {
          expect(merged.low.lte(price)).toBe(true)
          expect(merged.high.gte(price)).toBe(true)
        }
        const total = rows.reduce((sum, [, volume]) => sum + BigInt(volume), 0n)
        expect(merged.volume.times(1e8).toFixed()).toBe(total.toString())
        if (total > 0n) expect(words(mergeCandles(candles.toReversed()))).toBe(words(merged))
      }),
      { seed: 4, numRuns: 1_000 },
    )
  })
})
