import { describe, expect, test } from 'vitest'
import { exchangeConfigProblems, resolveExchangeConfig } from '../../../src/core/collector/exchange-config.ts'
import { okx } from '../../../src/exchanges/okx/index.ts'
import { acme } from '../../support/acme.ts'

const good = { exchange: 'acme', symbol: 'ABC-USD', dataTypes: ['trade'] } as const
const forOkx = { exchange: 'okx', symbol: 'BTC-USDT', dataTypes: ['trade'] } as const
const keys = { apiKey: 'key-of-mine', secret: 'secret-of-mine', passphrase: 'phrase-of-mine' }

test('defaults are filled in, endpoints are complete', () => {
  const config = resolveExchangeConfig({ ...good, endpoints: { public: 'ws://localhost:1' } }, acme)
  expect(config).toMatchObject({
    autoRestart: true,
    healthCheckIntervalMs: 30_000,
    storeRawData: false,
    startTimeoutMs: 15_000,
    orderBook: { depth: 5 },
    candles: { timeframes: ['1m'] },
    customParams: { flavour: 'sweet' },
    endpoints: { public: 'ws://localhost:1', private: 'wss://stream.acme.test/private', rest: 'https://api.acme.test' },
  })
})

describe('problems', () => {
  test.each<[string, unknown, string, string]>([
    ['misspelt key', { ...good, datatypes: ['trade'] }, 'datatypes', 'did you mean "dataTypes"?'],
    ['missing symbol', { exchange: 'acme', dataTypes: ['trade'] }, 'symbol', 'symbol is missing'],
    ['no data types', { ...good, dataTypes: [] }, 'dataTypes', 'dataTypes'],
    ['misspelt data type', { ...good, dataTypes: ['trdae'] }, 'dataTypes.0', 'did you mean "trade"?'],
    ['not offered', { ...good, dataTypes: ['ticker'] }, 'dataTypes', 'Acme does not offer ticker (allowed values: trade)'],
    ['unknown endpoint', { ...good, endpoints: { publik: 'ws://x' } }, 'endpoints.publik', 'did you mean "public"?'],
    [
      'no URL',
      { ...good, endpoints: { public: 'localhost' } },
      'endpoints.public',
      'must be a URL that starts with ws:// or wss://',
    ],
    ['wrong protocol', { ...good, endpoints: { rest: 'ws://x' } }, 'endpoints.rest', 'http:// or https://'],
    ['custom parameter', { ...good, customParams: { flavor: 'sour' } }, 'customParams.flavor', 'did you mean "flavour"?'],
    ['custom value', { ...good, customParams: { flavour: 'swet' } }, 'customParams.flavour', 'did you mean "sweet"?'],
    ['inside', { ...good, orderBook: { depht: 5 } }, 'orderBook.depht', 'did you mean "depth"?'],
    ['unknown timeframe', { ...good, candles: { timeframes: ['7m'] } }, 'candles.timeframes.0', 'is "7m"'],
    ['no time at all', { ...good, startTimeoutMs: 0 }, 'startTimeoutMs', 'startTimeoutMs'],
    ['credentials where nothing is private', { ...good, credentials: keys }, 'credentials', 'credentials'],
  ])('%s', (_name, config, path, message) => {
    const problems = exchangeConfigProblems(config, acme)
    expect(problems.map((problem) => problem.path)).toEqual([path])
    expect(problems[0]?.message).toContain(message)
  })

  test.each<[string, unknown, string]>([
    ['depth', { ...forOkx, dataTypes: ['orderbook'], orderBook: { depth: 7 } }, 'orderBook.depth'],
    ['timeframe', { ...forOkx, dataTypes: ['candle'], candles: { timeframes: ['10s'] } }, 'candles.timeframes'],
    ['balance without credentials', { ...forOkx, dataTypes: ['balance'] }, 'credentials'],
    ['half the credentials', { ...forOkx, credentials: { apiKey: 'a', secret: 'b' } }, 'credentials.passphrase'],
  ])('of OKX: %s', (_name, config, path) => {
    expect(exchangeConfigProblems(config, okx).map((problem) => problem.path)).toEqual([path])
  })

  test('what is not collected need not fit', () => {
    expect(exchangeConfigProblems({ ...forOkx, orderBook: { depth: 7 }, candles: { timeframes: ['10s'] } }, okx)).toEqual([])
  })

  test('all of them at once', () => {
    const config = { ...good, dataTypes: ['ticker'], endpoints: { public: 'x' }, customParams: { flavour: 'x' } }
    expect(exchangeConfigProblems(config, acme)).toHaveLength(3)
    expect(() => resolveExchangeConfig(config as never, acme)).toThrow(/^Acme collector: .*; .*; /)
  })

  test('no secret is ever in one', () => {
    const wrong = [
      { ...forOkx, credentials: { ...keys, passphrase: 7 } },
      { ...forOkx, credentials: { ...keys, extra: 1 } },
      { ...forOkx, credentials: 'secret-of-mine' },
      { ...forOkx, dataTypes: ['x'], credentials: keys },
    ]
    for (const config of wrong) {
      const text = JSON.stringify(exchangeConfigProblems(config, okx))
      expect(text.length).toBeGreaterThan(2)
      expect(text).not.toMatch(/of-mine/)
    }
  })
})
