import { describe, expect, test } from 'vitest'
import { InstrumentCatalog } from '../../src/core/instrument-catalog.ts'
import { createRestClient } from '../../src/core/rest-client.ts'
import { silentLogger, type Logger } from '../../src/ports/logger.ts'
import { acme } from '../support/acme.ts'
import { createTestWorld, httpAnswer, inVirtualTime } from '../support/test-ports.ts'

const LIST = [
  { symbol: 'ABC-USD', live: true },
  { symbol: 'XYZ-USD', live: false },
]
const HOUR_MS = 3_600_000

function setUp() {
  const world = createTestWorld(() => 0.5)
  world.answer = () => httpAnswer(200, LIST)
  const catalog = new InstrumentCatalog(acme, createRestClient('https://api.acme.test', world.ports), world.clock)
  const warnings: string[] = []
  const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) }
  return { world, catalog, warnings, logger, vt: <T>(promise: Promise<T>) => inVirtualTime(world.clock, promise) }
}

describe('loading', () => {
  test('whoever asks meanwhile shares one request; it is fresh for an hour', async () => {
    const { world, catalog, logger, vt } = setUp()
    const results = await vt(
      Promise.all([catalog.load('spot'), catalog.load('spot'), catalog.resolve('ABC-USD', logger), catalog.livePairs()]),
    )
    expect(results[0]).toHaveLength(2)
    expect(results[3]).toEqual(['ABC-USD'])
    expect(world.requests).toHaveLength(1)
    await world.clock.advance(HOUR_MS - 1_000)
    await vt(catalog.load('spot'))
    expect(world.requests).toHaveLength(1)
    await world.clock.advance(1_001)
    await vt(catalog.load('spot'))
    expect(world.requests).toHaveLength(2)
  })

  test('an hour by the clock that nobody sets', async () => {
    const { world, catalog, vt } = setUp()
    await vt(catalog.load('spot'))
    for (const step of [2 * HOUR_MS, -5 * HOUR_MS]) {
      world.clock.stepWall(step)
      await vt(catalog.load('spot'))
    }
    expect(world.requests).toHaveLength(1)
    await world.clock.advance(HOUR_MS)
    await vt(catalog.load('spot'))
    expect(world.requests).toHaveLength(2)
  })

  test('after a failure the exchange is left alone for a while, then asked again', async () => {
    const { world, catalog, vt } = setUp()
    world.answer = () => httpAnswer(400)
    await expect(vt(catalog.load('spot'))).rejects.toMatchObject({ code: 'REST_FAILED' })
    await expect(vt(catalog.load('spot'))).rejects.toMatchObject({ code: 'REST_FAILED' })
    expect(world.requests).toHaveLength(1)
    world.answer = () => httpAnswer(200, LIST)
    await world.clock.advance(15_001)
    expect(await vt(catalog.load('spot'))).toHaveLength(2)
  })

  test('pairs fall back to the built-in list', async () => {
    const { world, catalog, vt } = setUp()
    world.answer = () => Promise.reject(new Error('offline'))
    expect(await vt(catalog.livePairs())).toEqual(acme.fallbackPairs)
  })
})

describe('resolving', () => {
  test('by the list', async () => {
    const { catalog, logger, warnings, vt } = setUp()
    expect(await vt(catalog.resolve('ABC-USD', logger))).toMatchObject({
      nativeSymbol: 'abcusd',
      instrument: { symbol: 'ABC-USD', live: true },
    })
    expect(warnings).toEqual([])
    expect([catalog.symbolOf('abcusd'), catalog.symbolOf('nopusd'), catalog.symbolOf('x')]).toEqual([
      'ABC-USD',
      'NOP-USD',
      undefined,
    ])
  })

  test('one that does not trade is resolved, with a warning', async () => {
    const { catalog, logger, warnings, vt } = setUp()
    expect(await vt(catalog.resolve('XYZ-USD', logger))).toMatchObject({ nativeSymbol: 'xyzusd' })
    expect(warnings).toEqual(['XYZ-USD is not trading: halted'])
  })

  test('an unknown one is an error that names the nearest', async () => {
    const { catalog, logger, vt } = setUp()
    await expect(vt(catalog.resolve('ABD-USD', logger))).rejects.toMatchObject({
      code: 'SYMBOL_UNKNOWN',
      message: 'Acme has no instrument "ABD-USD", did you mean "ABC-USD"?',
      context: { exchange: 'acme', symbol: 'ABD-USD', nearest: 'ABC-USD' },
    })
  })

  test('one that was listed since is found: no list older than a minute says that it is unknown', async () => {
    const { world, catalog, logger, vt } = setUp()
    await vt(catalog.resolve('ABC-USD', logger))
    world.answer = () => httpAnswer(200, [...LIST, { symbol: 'NEW-USD', live: true }])
    await world.clock.advance(59_000)
    await expect(vt(catalog.resolve('NEW-USD', logger))).rejects.toMatchObject({ code: 'SYMBOL_UNKNOWN' })
    world.clock.stepWall(-HOUR_MS)
    await world.clock.advance(1_001)
    expect(await vt(catalog.resolve('NEW-USD', logger))).toMatchObject({ nativeSymbol: 'newusd', instrument: { live: true } })
    // Known ones do not care.
    await world.clock.advance(600_000)
    await vt(catalog.resolve('ABC-USD', logger))
    expect(world.requests).toHaveLength(2)
  })

  test('a thousand unknown ones, at once and one after the other, ask once a minute', async () => {
    const { world, catalog, logger, vt } = setUp()
    await vt(catalog.load('spot'))
    await world.clock.advance(300_000)
    const unknown = (index: number) =>
      vt(catalog.resolve(`X${index}-USD`, logger).catch((error: unknown) => (error as { code: string }).code))
    const codes = await Promise.all(Array.from({ length: 500 }, (_, index) => unknown(index)))
    for (let index = 500; index < 1_000; index++) {
      codes.push(await unknown(index))
      await world.clock.advance(240)
    }
    expect(new Set(codes)).toEqual(new Set(['SYMBOL_UNKNOWN']))
    // The first, then two minutes.
    expect(world.requests.length - 1).toBeLessThanOrEqual(3)
  })

  test('when the newer list cannot be had, an unknown one goes by the convention, and what is listed stays listed', async () => {
    const { world, catalog, logger, warnings, vt } = setUp()
    await vt(catalog.load('spot'))
    await world.clock.advance(120_000)
    world.answer = () => httpAnswer(400)
    expect(await vt(catalog.resolve('NEW-USD', logger))).toEqual({ nativeSymbol: 'newusd', instrument: undefined })
    expect(warnings).toEqual(["instrument list not available, using Acme's naming convention"])
    await vt(catalog.resolve('NEW-USD', logger))
    expect(await vt(catalog.load('spot'))).toHaveLength(2)
    expect(world.requests).toHaveLength(2)
  })

  test('an answer that comes after a later one is forgotten', async () => {
    const { world, catalog, logger, vt } = setUp()
    let late: (value: ReturnType<typeof httpAnswer>) => void = () => undefined
    world.answer = () => new Promise((resolve) => (late = resolve as typeof late))
    const first = catalog.load('spot')
    first.catch(() => undefined)
    await world.clock.advance(60_001)
    world.answer = () => httpAnswer(200, LIST)
    await vt(catalog.load('spot'))
    late(httpAnswer(200, []))
    await world.clock.settle()
    expect(await vt(catalog.resolve('ABC-USD', logger))).toMatchObject({ instrument: { symbol: 'ABC-USD' } })
    expect(world.requests).toHaveLength(2)
  })

  test.each([
    ['abcusd', 'ABC-USD'],
    ['ABC/USD', 'ABC-USD'],
  ])('%s gets a suggestion', async (symbol, nearest) => {
    const { catalog, logger, vt } = setUp()
    await expect(vt(catalog.resolve(symbol, logger))).rejects.toMatchObject({ context: { exchange: 'acme', symbol, nearest } })
  })

  test.each(['BTC', 'BTC/USDT', ''])('%j cannot be one: nobody is asked', async (symbol) => {
    const { world, catalog, logger, vt } = setUp()
    await expect(vt(catalog.resolve(symbol, logger))).rejects.toMatchObject({ code: 'SYMBOL_UNKNOWN' })
    expect(world.requests).toHaveLength(0)
  })

  test.each([
    ['fails', () => httpAnswer(400)],
    ['does not come in time', () => new Promise<never>(() => undefined)],
  ])('by the naming convention when the list %s, with a warning', async (_name, answer) => {
    const { world, catalog, logger, warnings, vt } = setUp()
    world.answer = answer
    const before = world.clock.now()
    expect(await vt(catalog.resolve('ABC-USD', logger))).toEqual({ nativeSymbol: 'abcusd', instrument: undefined })
    expect(world.clock.now() - before).toBeLessThanOrEqual(5_000)
    expect(warnings).toEqual(["instrument list not available, using Acme's naming convention"])
    expect(world.clock.pending).toBe(0)
  })

  test('an older list is better than none; a newer one forgets what was delisted', async () => {
    const { world, catalog, logger, vt } = setUp()
    await vt(catalog.resolve('ABC-USD', logger))
    await world.clock.advance(HOUR_MS + 1)
    world.answer = () => httpAnswer(400)
    expect(await vt(catalog.resolve('ABC-USD', logger))).toMatchObject({ instrument: { symbol: 'ABC-USD' } })
    world.answer = () => httpAnswer(200, LIST.slice(1))
    await world.clock.advance(20_000)
    await expect(vt(catalog.resolve('ABC-USD', logger))).rejects.toMatchObject({ code: 'SYMBOL_UNKNOWN' })
  })
})
