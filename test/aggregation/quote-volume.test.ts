import { describe, expect, test } from 'vitest'
import { aggregateTrades } from '../../src/aggregation/aggregate-trades.ts'
import type { AggregatorSnapshot } from '../../src/aggregation/aggregator-snapshot.ts'
import { CandleAggregator } from '../../src/aggregation/candle-aggregator.ts'
import { foldCandles } from '../../src/aggregation/fold-candles.ts'
import type { SizeTerms } from '../../src/aggregation/quote-rule.ts'
import { vwap } from '../../src/aggregation/vwap.ts'
import type { OhlcvData } from '../../src/domain/market-data.ts'
import { asDecimal } from '../support/decimals.ts'

const T = Date.UTC(2026, 0, 5)

/** 3 contracts at 20,000 and 5 at 30,000.5: 210,002.5 as price times size, 8 contracts. */
const TRADES = [
  { id: '1', price: '20000', size: '3', side: 'buy', timestamp: T },
  { id: '2', price: '30000.5', size: '5', side: 'sell', timestamp: T + 500 },
] as const

const LINEAR: SizeTerms = {
  sizeUnit: 'contract',
  base: 'BTC',
  quote: 'USDT',
  contractSize: asDecimal('0.01'),
  contractAsset: 'BTC',
}
const INVERSE: SizeTerms = {
  sizeUnit: 'contract',
  base: 'BTC',
  quote: 'USD',
  contractSize: asDecimal('100'),
  contractAsset: 'USD',
}

async function candleOf(
  symbol: string,
  instrument?: SizeTerms,
  trades: typeof TRADES | readonly object[] = TRADES,
): Promise<OhlcvData> {
  const options = { exchange: 'test', symbol, instrument, timeframes: ['1s'] } as const
  for await (const candle of aggregateTrades(trades as typeof TRADES, options)) return candle
  throw new Error('no candle')
}

describe('quoteVolume is in quote currency', () => {
  test.each<[string, string, SizeTerms | undefined, string | undefined]>([
    ['spot, without an instrument', 'BTC-USDT', undefined, '210002.5'],
    ['spot, with its instrument', 'BTC-USDT', { sizeUnit: 'base', base: 'BTC', quote: 'USDT' }, '210002.5'],
    ['a symbol of the user’s own', 'whatever', undefined, '210002.5'],
    ['linear: 0.01 BTC each', 'BTC-USDT-PERP', LINEAR, '2100.025'],
    [
      'linear by hand',
      'BTC-USDT-PERP',
      { sizeUnit: 'contract', contractSize: asDecimal('0.01'), contractType: 'linear' },
      '2100.025',
    ],
    ['inverse: 100 USD each, whatever the price', 'BTC-USD-PERP', INVERSE, '800'],
    [
      'inverse by hand',
      'BTC-USD-20261225',
      { sizeUnit: 'contract', contractSize: asDecimal('100'), contractType: 'inverse' },
      '800',
    ],
    [
      'the currency of the value decides, not the name',
      'BTC-USDT-PERP',
      { ...INVERSE, quote: 'USD', contractType: 'linear' },
      '800',
    ],
    ['a derivative whose sizes are base currency', 'BTC-USDT-PERP', { sizeUnit: 'base' }, '210002.5'],
    ['a derivative of which nothing is known', 'BTC-USDT-PERP', undefined, undefined],
    ['a dated one', 'BTC-USDT-20261225', undefined, undefined],
    ['a contract without a size', 'BTC-USDT-PERP', { ...LINEAR, contractSize: undefined }, undefined],
    ['a contract of nothing', 'BTC-USDT-PERP', { ...LINEAR, contractSize: asDecimal('0.00') }, undefined],
    ['a value in a third currency', 'BTC-USDT-PERP', { ...LINEAR, contractAsset: 'ETH' }, undefined],
  ])('%s', async (_name, symbol, instrument, expected) => {
    const { quoteVolume, volume, takerBuyVolume } = await candleOf(symbol, instrument)
    expect(quoteVolume?.toString()).toBe(expected)
    // These are in the unit of `Trade.size`, whatever it is.
    expect([volume, takerBuyVolume].map(String)).toEqual(['8', '3'])
  })

  test('exact, however many digits', async () => {
    const odd = [
      { id: '1', price: '123456789012345678901234567890.000000000000000000000000000001', size: '3', side: 'buy', timestamp: T },
      { id: '2', price: '0.1', size: '123456789012345678901234567890.5', side: 'buy', timestamp: T },
    ]
    const terms = { ...LINEAR, contractSize: asDecimal('0.00000000000000000007') }
    // 370370367037037036703703703670 + 12345678901234567890123456789.05 + 3e-30, times 7e-20
    expect((await candleOf('BTC-USDT-PERP', terms, odd)).quoteVolume?.toString()).toBe(
      '26790123215.67901232156790123213350000000000000000000000000021',
    )
    const contract = { ...INVERSE, contractSize: asDecimal('0.3') }
    expect((await candleOf('BTC-USD-PERP', contract, odd)).quoteVolume?.toString()).toBe('37037036703703703670370370368.05')
  })

  test('of longer timeframes, folds, revisions and snapshots, too; nothing traded is nothing', () => {
    const candles: OhlcvData[] = []
    const make = (snapshot?: AggregatorSnapshot): CandleAggregator =>
      new CandleAggregator({
        exchange: 'test',
        symbol: 'BTC-USDT-PERP',
        instrument: LINEAR,
        timeframes: ['1s', '1m'],
        completeSeries: true,
        snapshot,
        onCandle: (candle) => void candles.push(candle),
      })
    const first = make()
    first.addAll(TRADES)
    first.advance(T + 2_000)
    const second = make(JSON.parse(JSON.stringify(first.snapshot())) as AggregatorSnapshot)
    second.add({ id: '3', price: '100', size: '1', side: 'buy', timestamp: T + 900 })
    second.advance(T + 60_000)
    const shown = candles
      .filter(({ openTime, timeframe }) => openTime < T + 2_000 || timeframe === '1m')
      .map(({ timeframe, openTime, status, quoteVolume }) => `${timeframe} ${openTime - T} ${status} ${quoteVolume?.toString()}`)
    expect(shown).toEqual([
      '1s 0 closed 2100.025',
      '1s 1000 closed 0',
      '1s 0 revised 2101.025',
      '1s 1000 revised 0',
      '1m 0 closed 2101.025',
    ])
    const seconds = candles.filter(({ timeframe }) => timeframe === '1s')
    expect(foldCandles(seconds, '1m')[0]?.quoteVolume?.toString()).toBe('2101.025')
  })
})

describe('vwap is a price', () => {
  test.each<[string, string, SizeTerms | undefined, string | undefined]>([
    ['spot', 'BTC-USDT', undefined, '26250.3125'], // 210,002.5 / 8
    ['linear', 'BTC-USDT-PERP', LINEAR, '26250.3125'],
    ['inverse: the base volume is not in a candle', 'BTC-USD-PERP', INVERSE, undefined],
  ])('%s', async (_name, symbol, instrument, expected) => {
    const candle = await candleOf(symbol, instrument)
    expect(vwap(candle, instrument)?.toString()).toBe(expected)
  })

  test('a derivative without its instrument has none: quote volume by contracts is no price', async () => {
    const candle = await candleOf('BTC-USDT-PERP', LINEAR)
    expect(vwap(candle)).toBeUndefined()
  })
})

test('terms that are none are told', () => {
  const instrument = { ...LINEAR, contractSize: '0,01' } as unknown as SizeTerms
  const make = () => aggregateTrades([], { exchange: 'test', symbol: 'BTC-USDT-PERP', instrument, timeframes: ['1s'] })
  expect(make).toThrow(/instrument\.contractSize/)
})
