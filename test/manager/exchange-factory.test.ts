import { describe, expect, expectTypeOf, test } from 'vitest'
import type { DataStream } from '../../src/core/collector/data-stream.ts'
import { DataType } from '../../src/domain/data-type.ts'
import type { DecimalString } from '../../src/domain/decimal.ts'
import type { PointOf } from '../../src/domain/market-data.ts'
import { ExchangeFactory } from '../../src/manager/exchange-factory.ts'
import { getExchangeInfo } from '../../src/manager/exchange-info.ts'
import { createOkxCollector, OkxCollector } from '../../src/manager/okx-collector.ts'
import { createTestWorld, httpAnswer, inVirtualTime } from '../support/test-ports.ts'

const good = { exchange: 'okx', symbol: 'BTC-USDT', dataTypes: ['trade'] } as const

describe('createCollector', () => {
  test('makes a collector of the exchange, which does nothing before its start', () => {
    const collector = ExchangeFactory.createCollector(good)
    expect(collector).toBeInstanceOf(OkxCollector)
    expect([collector.exchangeName, collector.symbol, collector.symbols, collector.dataTypes, collector.status]).toEqual([
      'okx',
      'BTC-USDT',
      ['BTC-USDT'],
      ['trade'],
      'stopped',
    ])
  })

  test('throws every problem, or that the exchange is unknown', () => {
    expect(() => ExchangeFactory.createCollector({ ...good, symbl: 'x' } as never)).toThrow(
      /OKX collector: unknown key "symbl", did you mean "symbol"/,
    )
    expect(() => ExchangeFactory.createCollector({ ...good, exchange: 'okex' })).toThrow(/did you mean "okx"/)
    expect(() => ExchangeFactory.createCollector({} as never)).toThrow(/exchange is missing \(allowed values: okx\)/)
    expect(() => ExchangeFactory.createCollector(undefined as never)).toThrow(/exchange is missing/)
  })

  test('many: all or none', () => {
    expect(ExchangeFactory.createMultipleCollectors([good, { ...good, symbol: 'ETH-USDT' }]).map(({ symbol }) => symbol)).toEqual(
      ['BTC-USDT', 'ETH-USDT'],
    )
    expect(() => ExchangeFactory.createMultipleCollectors([good, { ...good, exchange: 'nope' }])).toThrow(
      /EXCHANGE|exchange is "nope"/,
    )
    expect(ExchangeFactory.createMultipleCollectors([])).toEqual([])
  })

  test('short for OKX', () => {
    expect(createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['ticker'] })).toBeInstanceOf(OkxCollector)
    expect(() =>
      createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['ticker'], customParams: { tradeChannel: 'trade' as never } }),
    ).toThrow(/did you mean "trades"/)
  })

  test('types: a point needs no cast', () => {
    const collector = ExchangeFactory.createCollector({ ...good, dataTypes: ['trade', 'orderbook'] })
    collector.addDataCallback(DataType.Trade, (point) => expectTypeOf(point.data.price).toEqualTypeOf<DecimalString>())
    collector.addDataCallback(DataType.OrderBook, (point) =>
      expectTypeOf(point.data.bids[0]).toEqualTypeOf<readonly [price: DecimalString, size: DecimalString] | undefined>(),
    )
    expectTypeOf(collector.stream(DataType.Trade)).toEqualTypeOf<DataStream<PointOf<'trade'>>>()
    // @ts-expect-error dataTyps is misspelt
    const misspelt = (): unknown => ExchangeFactory.createCollector({ ...good, dataTyps: [] })
    expect(misspelt).toThrow()
  })
})

describe('validateConfig', () => {
  test.each<[string, unknown, string[]]>([
    ['a good one', good, []],
    ['nothing', undefined, ['exchange is missing (allowed values: okx)']],
    ['no object', 'okx', ['exchange is missing (allowed values: okx)']],
    ['exchange of another type', { ...good, exchange: 7 }, ['exchange is missing (allowed values: okx)']],
    ['unknown exchange', { ...good, exchange: 'okxx' }, ['exchange is "okxx", did you mean "okx"? (allowed values: okx)']],
    ['a missing symbol', { exchange: 'okx', dataTypes: ['trade'] }, ['symbol is missing, expected string']],
    [
      'two at once',
      { exchange: 'okx', dataTypes: ['trades'] },
      [
        'symbol is missing, expected string',
        'dataTypes.0 is "trades", did you mean "trade"? (allowed values: ticker, trade, orderbook, candle, balance)',
      ],
    ],
  ])('%s', (_name, config, expected) => {
    expect(ExchangeFactory.validateConfig(config).map(({ message }) => message)).toEqual(expected)
  })
})

describe('lists', () => {
  const row = {
    instType: 'SPOT',
    instId: 'BTC-USDT',
    baseCcy: 'BTC',
    quoteCcy: 'USDT',
    tickSz: '0.1',
    lotSz: '0.0001',
    minSz: '0.0001',
    state: 'live',
  }

  test('pairs are asked for once an hour, per set of ports', async () => {
    const world = createTestWorld(() => 0.5)
    world.answer = ({ url }) =>
      httpAnswer(200, {
        code: '0',
        msg: '',
        data: url.includes('SPOT') ? [row, { ...row, instId: 'X-Y', state: 'suspend' }] : [],
      })
    const pairs = (): Promise<readonly string[]> =>
      inVirtualTime(world.clock, ExchangeFactory.getSupportedPairs('okx', { ports: world.ports }))
    expect(await pairs()).toEqual(['BTC-USDT'])
    const asked = world.requests.length
    expect(await pairs()).toEqual(['BTC-USDT'])
    expect(world.requests).toHaveLength(asked)
    expect(world.requests.every(({ url }) => url.startsWith('https://openapi.okx.com/'))).toBe(true)
    const [instrument] = await inVirtualTime(world.clock, ExchangeFactory.getInstruments('okx', 'spot', { ports: world.ports }))
    expect(instrument).toMatchObject({ symbol: 'BTC-USDT', tickSize: '0.1', live: true })
  })

  test('another REST address is another list', async () => {
    const world = createTestWorld(() => 0.5)
    world.answer = () => httpAnswer(200, { code: '0', msg: '', data: [] })
    const options = { ports: world.ports, endpoints: { rest: 'http://localhost:9/' } }
    await inVirtualTime(world.clock, ExchangeFactory.getInstruments('okx', 'spot', options))
    expect(world.requests[0]?.url).toBe('http://localhost:9/api/v5/public/instruments?instType=SPOT')
  })

  test('offline, pairs are the built-in ones', async () => {
    const world = createTestWorld(() => 0.5)
    world.answer = () => Promise.reject(new Error('offline'))
    const pairs = await inVirtualTime(world.clock, ExchangeFactory.getSupportedPairs('okx', { ports: world.ports }))
    expect(pairs).toEqual(getExchangeInfo('okx').supportedPairs)
    expect(pairs.length).toBeGreaterThan(5)
    await expect(
      inVirtualTime(world.clock, ExchangeFactory.getInstruments('okx', 'spot', { ports: world.ports })),
    ).rejects.toMatchObject({
      code: 'REST_FAILED',
    })
  })

  test('what can be known without asking', () => {
    expect(ExchangeFactory.getSupportedDataTypes('okx')).toEqual(['ticker', 'trade', 'orderbook', 'candle', 'balance'])
    expect(getExchangeInfo('okx')).toMatchObject({
      id: 'okx',
      name: 'OKX',
      orderBookDepths: [1, 5, 50, 400, 'full'],
      limits: { dialsPerSecond: 3 },
    })
    expect(() => getExchangeInfo('nope')).toThrow(/exchange is "nope"/)
  })
})
