import { afterEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { acme, AcmeServer } from '../support/acme.ts'
import { createTestWorld, httpAnswer, inVirtualTime } from '../support/test-ports.ts'

/** A registry of its own for each test: registering is for good. */
async function fresh() {
  vi.resetModules()
  const [registry, factory, info, okxCollector] = await Promise.all([
    import('../../src/exchanges/registry.ts'),
    import('../../src/manager/exchange-factory.ts'),
    import('../../src/manager/exchange-info.ts'),
    import('../../src/manager/okx-collector.ts'),
  ])
  return { ...registry, ...factory, ...info, ...okxCollector }
}

afterEach(() => void vi.resetModules())

test('OKX is in the box', async () => {
  const { getSupportedExchanges, exchangeDefinition } = await fresh()
  expect(getSupportedExchanges()).toContain('okx')
  expect(exchangeDefinition('okx').name).toBe('OKX')
})

test('an unknown one is an error that names the known and the nearest', async () => {
  const { exchangeDefinition, findExchange } = await fresh()
  expect(findExchange('okex')).toBeUndefined()
  expect(() => exchangeDefinition('okex')).toThrow(/exchange is "okex", did you mean "okx"\? \(allowed values: okx/)
  expect(() => exchangeDefinition('toString')).toThrow(/exchange is "toString" \(allowed/)
  expect(() => exchangeDefinition('')).toThrow(/exchange is ""/)
})

describe('registerExchange', () => {
  test.each([
    ['no id', { ...acme, id: '' }],
    ['no REST endpoint', { ...acme, endpoints: { public: 'ws://x' } }],
  ])('refuses a definition with %s', async (_name, definition) => {
    const { registerExchange } = await fresh()
    expect(() => registerExchange(definition as never)).toThrow(/needs an id and endpoints/)
  })

  const { limits } = acme
  test.each<[string, object, string]>([
    [
      'half a dial a second',
      { limits: { ...limits, dialsPerSecond: 0.5 } },
      'limits.dialsPerSecond is 0.5, must be a whole number of at least 1',
    ],
    ['none', { limits: { ...limits, dialsPerSecond: 0 } }, 'limits.dialsPerSecond is 0, must'],
    ['less than none', { limits: { ...limits, dialsPerSecond: -3 } }, 'limits.dialsPerSecond is -3, must'],
    ['NaN', { limits: { ...limits, dialsPerSecond: NaN } }, 'limits.dialsPerSecond is NaN, must'],
    ['no end', { limits: { ...limits, dialsPerSecond: Infinity } }, 'limits.dialsPerSecond is Infinity, must'],
    ['a text', { limits: { ...limits, dialsPerSecond: '3' } }, 'limits.dialsPerSecond is a string, must'],
    ['none at all', { limits: undefined }, 'limits.dialsPerSecond is missing, must'],
    ['requests', { limits: { ...limits, requests: { count: 1.5, perMs: 0 } } }, 'limits.requests.count is 1.5, must'],
    ['their period', { limits: { ...limits, requests: { count: 1.5, perMs: 0 } } }, 'limits.requests.perMs is 0, must'],
    ['no requests', { limits: { ...limits, requests: null } }, 'limits.requests.count is missing, must'],
    ['their size', { limits: { ...limits, requestBytes: NaN } }, 'limits.requestBytes is NaN, must'],
    ['topics', { limits: { ...limits, subscriptionsPerConnection: 0 } }, 'limits.subscriptionsPerConnection is 0, must'],
    ['REST answers', { limits: { ...limits, restAnswerBytes: 0.1 } }, 'limits.restAnswerBytes is 0.1, must'],
    ['keepalive', { keepalive: { ping: 'ping', periodMs: NaN } }, 'keepalive.periodMs is NaN, must'],
    ['REST', { restLimits: { '/x': { count: 0.5, perMs: 1_000 } } }, 'restLimits["/x"].count is 0.5, must'],
    ['depths', { orderBookDepths: [5, 0.5, 'full'] }, 'orderBookDepths.1 is 0.5, must'],
  ])('refuses a limit that would silently be another: %s', async (_name, more, words) => {
    const { registerExchange, findExchange } = await fresh()
    const definition = { ...acme, id: 'wrong', ...more } as never
    expect(() => registerExchange(definition)).toThrow(words)
    expect(() => registerExchange(definition)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error)
    expect(findExchange('wrong')).toBeUndefined()
  })

  test('parameters that the core heeds are numbers that it can heed, whatever the schema of the definition lets pass', async () => {
    const { registerExchange, ExchangeFactory } = await fresh()
    registerExchange({ ...acme, customParams: z.looseObject({}) })
    const problems = (customParams: Record<string, unknown>): string[] =>
      ExchangeFactory.validateConfig({ exchange: 'acme', symbol: 'ABC-USD', dataTypes: ['trade'], customParams }).map(
        ({ message }) => message,
      )
    expect(problems({ maxSubscriptionsPerSocket: 0, pingIntervalMs: 0.5 })).toEqual([
      'customParams.pingIntervalMs is 0.5, must be a whole number of at least 1',
      'customParams.maxSubscriptionsPerSocket is 0, must be a whole number of at least 1',
    ])
    expect(problems({ maxSubscriptionsPerSocket: 3, pingIntervalMs: 1_000, other: 0.5 })).toEqual([])
  })

  test('an exchange from outside, end to end', async () => {
    const { registerExchange, getSupportedExchanges, ExchangeFactory, getExchangeInfo } = await fresh()
    const world = createTestWorld(() => 0.5)
    world.answer = () => httpAnswer(200, [{ symbol: 'ABC-USD', live: true }])
    const server = new AcmeServer(() => world.clock.now())
    world.sockets.onDial = server.accept
    registerExchange(acme)
    registerExchange(acme)
    expect(getSupportedExchanges().filter((id) => id === 'acme')).toEqual(['acme'])
    expect(ExchangeFactory.getSupportedDataTypes('acme')).toEqual(['trade'])
    expect(getExchangeInfo('acme')).toMatchObject({
      id: 'acme',
      name: 'Acme',
      supportedDataTypes: ['trade'],
      supportedPairs: ['ABC-USD', 'XYZ-USD'],
    })
    expect(await inVirtualTime(world.clock, ExchangeFactory.getSupportedPairs('acme', { ports: world.ports }))).toEqual([
      'ABC-USD',
    ])
    const config = { exchange: 'acme', symbol: 'ABC-USD', dataTypes: ['trade'], ports: world.ports } as const
    expect(ExchangeFactory.validateConfig(config)).toEqual([])

    const collector = ExchangeFactory.createCollector(config)
    const prices: string[] = []
    collector.addDataCallback('trade', ({ exchange, data }) => prices.push(`${exchange} ${data.price}`))
    expect(await inVirtualTime(world.clock, collector.start())).toBe(true)
    server.publish('trades.abcusd', { px: '0.10' })
    expect(prices).toEqual(['acme 0.10'])
    await inVirtualTime(world.clock, collector.stop())
    expect([world.sockets.alive.length, world.clock.pending]).toEqual([0, 0])
  })

  test('a built-in one can be replaced', async () => {
    const { registerExchange, exchangeDefinition, ExchangeFactory, OkxCollector } = await fresh()
    expect(ExchangeFactory.createCollector({ exchange: 'okx', symbol: 'BTC-USDT', dataTypes: ['trade'] })).toBeInstanceOf(
      OkxCollector,
    )
    registerExchange({ ...acme, id: 'okx', name: 'My OKX' })
    expect(exchangeDefinition('okx').name).toBe('My OKX')
    const config = { exchange: 'okx', symbol: 'ABC-USD', dataTypes: ['trade'], customParams: { flavour: 'sour' } } as const
    expect(ExchangeFactory.validateConfig(config)).toEqual([])
    const collector = ExchangeFactory.createCollector(config)
    expect(collector).not.toBeInstanceOf(OkxCollector)
  })
})
