import { expect, test } from 'vitest'
import { ExchangeFactory } from 'tapekeeper'
import { meantBy } from '../../src/core/symbol-meant.ts'
import { okx } from '../../src/exchanges/okx/index.ts'

test.each([
  ['BTC-USDT-SWAP', 'BTC-USDT-PERP'],
  ['btc-usdt-swap', 'BTC-USDT-PERP'],
  ['BTC-USD-261225', 'BTC-USD-20261225'],
  ['PEPE-USDT-SWAP', 'PEPE-USDT-PERP'],
  ['SUI-USD_UM_XPERP-310404', 'SUI-USD_UM_XPERP_310404-PERP'],
  ['BTC/USDT', 'BTC-USDT'],
  ['pepe/usdt', 'PEPE-USDT'],
  ['BTC_USDT', 'BTC-USDT'],
  ['BTC:USDT', 'BTC-USDT'],
  ['BTC USDT', 'BTC-USDT'],
  ['BTCUSDT', 'BTC-USDT'],
  ['btcusdt', 'BTC-USDT'],
  ['PEPEUSDT', 'PEPE-USDT'],
  ['BTCUSDTSWAP', 'BTC-USDT-PERP'],
  ['BTCUSDT-PERP', 'BTC-USDT-PERP'],
  ['BTC_USDT_SWAP', 'BTC-USDT-PERP'],
  ['BTC-USDT-PERPETUAL', 'BTC-USDT-PERP'],
  ['BTC/USDT:USDT', 'BTC-USDT-PERP'],
  ['BTC/USD:BTC-261225', 'BTC-USD-20261225'],
  ['XBT/USDT', 'BTC-USDT'],
  ['XBTUSDT', 'BTC-USDT'],
  ['XBT-USDT', 'BTC-USDT'],
  ['btc-usdt', 'BTC-USDT'],
  ['BTC-USDTT', 'BTC-USDT'],
  ['BTC', undefined],
  ['', undefined],
  ['W', undefined],
  ['USDT', undefined],
])('by %j was meant %s', (symbol, meant) => {
  expect(meantBy(symbol, okx, [])).toBe(meant)
})

test('of several spellings the listed one; a well-formed name is only taken for what is listed', () => {
  expect(meantBy('FOO-USDT-SWAP', okx, ['FOO-USDT-PERP'])).toBe('FOO-USDT-PERP')
  expect(meantBy('XBT-EUR', okx, ['BTC-EUR'])).toBe('BTC-EUR')
  expect(meantBy('xyz-gbp', okx, [])).toBeUndefined()
})

test.each([
  ['BTC-USDT-SWAP', 'BTC-USDT-PERP'],
  ['BTC/USDT', 'BTC-USDT'],
  ['BTCUSDT', 'BTC-USDT'],
])('validateConfig names the symbol that was meant by %s', (symbol, nearest) => {
  expect(ExchangeFactory.validateConfig({ exchange: 'okx', symbol, dataTypes: ['trade'] })).toEqual([
    {
      path: 'symbol',
      message: `symbol: "${symbol}" is not a symbol, did you mean "${nearest}"?: write BASE-QUOTE, BASE-QUOTE-PERP or BASE-QUOTE-YYYYMMDD`,
      allowed: undefined,
      nearest,
    },
  ])
})

test('whether a well-formed one exists, nobody knows before the start', () => {
  expect(ExchangeFactory.validateConfig({ exchange: 'okx', symbol: 'NOPE-USDT', dataTypes: ['trade'] })).toEqual([])
})
