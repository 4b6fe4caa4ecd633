import { describe, expect, test } from 'vitest'
import { exchangeConfigProblems, resolveExchangeConfig } from '../../../src/core/collector/exchange-config.ts'
import { TIMEFRAMES } from '../../../src/domain/timeframe.ts'
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
    candles: {
      timeframes: ['1m'],
      source: 'trades',
      completeSeries: false,
      allowedLatenessMs: 1_000,
      reviseWithinMs: 3_600_000,
      updateIntervalMs: 1_000,
      crossCheck: false,
    },
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
    [
      'timeframe',
      { ...forOkx, dataTypes: ['candle'], candles: { timeframes: ['10s'], source: 'exchange' } },
      'candles.timeframes',
    ],
    ['balance without credentials', { ...forOkx, dataTypes: ['balance'] }, 'credentials'],
    ['half the credentials', { ...forOkx, credentials: { apiKey: 'a', secret: 'b' } }, 'credentials.passphrase'],
  ])('of OKX: %s', (_name, config, path) => {
    expect(exchangeConfigProblems(config, okx).map((problem) => problem.path)).toEqual([path])
  })

  test('what is not collected need not fit', () => {
    expect(exchangeConfigProblems({ ...forOkx, orderBook: { depth: 7 }, candles: { timeframes: ['3m'] } }, okx)).toEqual([])
  })

  describe('of candles', () => {
    const theirs = '1s, 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 12h, 1d, 2d, 3d, 5d, 1w, 1M, 3M'
    const ours = '1s, 5s, 10s, 15s, 30s, 1m, 5m, 15m, 1h, 4h, 1d'
    const problemsOf = (candles: object, dataTypes = ['candle']) => exchangeConfigProblems({ ...forOkx, dataTypes, candles }, okx)
    const messagesOf = (candles: object) => problemsOf(candles).map(({ message }) => message)

    test('all eleven are made of trades, whatever the exchange offers', () => {
      expect(problemsOf({ timeframes: TIMEFRAMES })).toEqual([])
      expect(
        resolveExchangeConfig({ ...good, dataTypes: ['candle'], candles: { timeframes: ['5s'] } }, acme).candles,
      ).toMatchObject({
        timeframes: ['5s'],
        source: 'trades',
      })
    })

    test('an exchange that has neither candles nor trades to make them of', () => {
      const config = { ...good, dataTypes: ['candle'] }
      const message = 'dataTypes: Acme does not offer candle (allowed values: trade)'
      expect(exchangeConfigProblems({ ...config, candles: { source: 'exchange' } }, acme)[0]).toMatchObject({
        path: 'dataTypes',
        message,
      })
      expect(exchangeConfigProblems(config, { ...acme, dataTypes: ['ticker'] })[0]).toMatchObject({ path: 'dataTypes' })
    })

    test('5s is not sent ready-made', () => {
      expect(messagesOf({ timeframes: ['5s'], source: 'exchange' })).toEqual([
        `candles.timeframes: OKX does not offer 5s (allowed values: ${theirs})`,
      ])
    })

    test('3m is not made of trades, and the message says who has it', () => {
      expect(problemsOf({ timeframes: ['1m', '3m'] })).toEqual([
        {
          path: 'candles.timeframes',
          message: `candles.timeframes: 3m is not made of trades (allowed values: ${ours}); OKX sends it ready-made: source "exchange"`,
          allowed: [...TIMEFRAMES],
          nearest: undefined,
        },
      ])
      expect(problemsOf({ timeframes: ['3m'], source: 'exchange' })).toEqual([])
    })

    test('3m of an exchange that has none, either', () => {
      const problems = exchangeConfigProblems({ ...good, dataTypes: ['candle'], candles: { timeframes: ['3m'] } }, acme)
      expect(problems.map(({ message }) => message)).toEqual([
        `candles.timeframes: 3m is not made of trades (allowed values: ${ours})`,
      ])
    })

    test('a cross-check needs both', () => {
      expect(problemsOf({ timeframes: ['1s', '1m', '1d'], crossCheck: true })).toEqual([])
      expect(messagesOf({ timeframes: ['1m', '5s'], crossCheck: true })).toEqual([
        `candles.timeframes: OKX does not offer 5s (allowed values: ${theirs})`,
      ])
      expect(messagesOf({ timeframes: ['3m'], crossCheck: true })[0]).toContain('3m is not made of trades')
    })

    test.each([
      ['a source', { source: 'trade' }, 'candles.source', 'did you mean "trades"?'],
      ['a key', { allowedLateness: 5 }, 'candles.allowedLateness', 'did you mean "allowedLatenessMs"?'],
      ['a time', { reviseWithinMs: -1 }, 'candles.reviseWithinMs', 'must be at least 0'],
    ])('%s that is wrong', (_name, candles, path, message) => {
      const problems = problemsOf(candles)
      expect(problems.map((problem) => problem.path)).toEqual([path])
      expect(problems[0]?.message).toContain(message)
    })
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
