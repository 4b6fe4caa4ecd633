import { afterEach, describe, expect, test } from 'vitest'
import { ExchangeCollector } from '../../../src/core/collector/exchange-collector.ts'
import type { ExchangeCollectorConfig } from '../../../src/core/collector/exchange-config.ts'
import { defineExchange, type ExchangeDefinition } from '../../../src/core/exchange-definition.ts'
import { runtimeOf } from '../../../src/core/runtime.ts'
import { silentLogger } from '../../../src/ports/logger.ts'
import { acme, AcmeServer, acmeTopic } from '../../support/acme.ts'
import { createTestWorld, httpAnswer, inVirtualTime, type TestWorld } from '../../support/test-ports.ts'

let world: TestWorld
let server: AcmeServer
let collectors: ExchangeCollector[] = []

function setUp(): void {
  world = createTestWorld(() => 0.5)
  world.answer = () =>
    httpAnswer(
      200,
      ['ABC-USD', 'DEF-USD', 'GHI-USD'].map((symbol) => ({ symbol, live: true })),
    )
  server = new AcmeServer(() => world.clock.now())
  world.sockets.onDial = server.accept
  collectors = []
}

function collector(
  symbol = 'ABC-USD',
  more: Partial<ExchangeCollectorConfig> = {},
  definition: ExchangeDefinition = acme,
): ExchangeCollector {
  const made = new ExchangeCollector(definition, {
    exchange: 'acme',
    symbol,
    dataTypes: ['trade'],
    ports: world.ports,
    logger: silentLogger,
    ...more,
  })
  collectors.push(made)
  return made
}

const vt = <T>(promise: Promise<T>): Promise<T> => inVirtualTime(world.clock, promise)

/** What the collector says of itself, in order. */
function listen(each: ExchangeCollector): string[] {
  const log: string[] = []
  each.on('status', ({ to }) => log.push(to))
  each.on('subscription', ({ topic, status, error }) =>
    log.push(`${topic} ${status}${error === undefined ? '' : ` ${error.code}`}`),
  )
  each.on('error', ({ code }) => log.push(`! ${code}`))
  return log
}

afterEach(async () => {
  await vt(Promise.all(collectors.map((each) => each.stop())))
  expect(runtimeOf(world.ports).linkCount).toBe(0)
  expect(world.sockets.alive).toEqual([])
  expect(world.clock.pending).toBe(0)
})

describe('a good day', () => {
  test('starts, delivers, stops', async () => {
    setUp()
    const abc = collector()
    const log = listen(abc)
    const prices: string[] = []
    abc.addDataCallback('trade', ({ data, symbol }) => prices.push(`${symbol} ${data.price}`))
    expect(await vt(abc.start())).toBe(true)
    server.publish('trades.abcusd', { px: '42.10' })
    expect(prices).toEqual(['ABC-USD 42.10'])
    expect(abc.getStatus().subscriptions).toMatchObject([{ topic: 'trades.abcusd', dataType: 'trade', status: 'confirmed' }])
    expect(abc.instrument).toMatchObject({ nativeSymbol: 'abcusd' })
    await vt(abc.stop())
    expect(log).toEqual([
      'starting',
      'trades.abcusd pending',
      'trades.abcusd confirmed',
      'running',
      'stopping',
      'trades.abcusd ended',
      'stopped',
    ])
  })

  test('many collectors share one socket, one list and one request', async () => {
    setUp()
    const all = ['ABC-USD', 'DEF-USD', 'GHI-USD'].map((symbol) => collector(symbol))
    await vt(Promise.all(all.map((each) => each.start())))
    expect([world.sockets.all.length, world.requests.length, server.requests.length]).toEqual([1, 1, 1])
    await vt(all[0]!.stop())
    expect(world.sockets.alive).toHaveLength(1)
    const counts = all.map(() => 0)
    all.forEach((each, i) => each.addDataCallback('trade', () => counts[i]!++))
    for (const native of ['abcusd', 'defusd', 'ghiusd']) server.publish(`trades.${native}`)
    expect(counts).toEqual([0, 1, 1])
  })

  test('two collectors of one pair both get everything; other ports, other sockets', async () => {
    setUp()
    const [one, two] = [collector(), collector()]
    await vt(Promise.all([one.start(), two.start()]))
    let heard = 0
    for (const each of [one, two]) each.addDataCallback('trade', () => heard++)
    expect(server.publish('trades.abcusd')).toBe(1)
    expect(heard).toBe(2)
    const other = collector('ABC-USD', { ports: { ...world.ports } })
    await vt(other.start())
    expect(world.sockets.alive).toHaveLength(2)
  })

  test('a restart after everything was stopped works over a new connection', async () => {
    setUp()
    const abc = collector()
    for (let i = 1; i <= 3; i++) {
      expect(await vt(abc.start())).toBe(true)
      expect(world.sockets.all).toHaveLength(i)
      await vt(abc.stop())
    }
  })

  test('raw frames are told when wanted', async () => {
    setUp()
    const abc = collector('ABC-USD', { storeRawData: true })
    const raw: string[] = []
    abc.on('raw', ({ text, topic }) => raw.push(`${topic} ${text}`))
    await vt(abc.start())
    server.publish('trades.abcusd', { px: '1' })
    expect(raw).toEqual(['trades.abcusd {"topic":"trades.abcusd","px":"1"}'])
  })
})

describe('a bad day', () => {
  test('an unknown symbol: false, with the nearest, and nothing is dialled', async () => {
    setUp()
    const abc = collector('ABD-USD')
    const log = listen(abc)
    expect(await vt(abc.start())).toBe(false)
    expect(abc.lastError).toMatchObject({ code: 'SYMBOL_UNKNOWN' })
    expect(abc.lastError?.message).toContain('did you mean "ABC-USD"?')
    expect(log).toEqual(['starting', '! SYMBOL_UNKNOWN', 'error'])
    expect(world.sockets.all).toEqual([])
  })

  test('a rejected topic ends that collector and no other', async () => {
    setUp()
    server.rejected.add('trades.defusd')
    const [abc, def] = [collector('ABC-USD'), collector('DEF-USD')]
    expect(await vt(Promise.all([abc.start(), def.start()]))).toEqual([true, false])
    expect([abc.status, def.status]).toEqual(['running', 'error'])
    expect(def.lastError?.code).toBe('SUBSCRIPTION_REJECTED')
    expect(def.getHealthStatus().isHealthy).toBe(false)
  })

  test('a topic rejected while running ends it in the error state, from which it can be started again', async () => {
    setUp()
    const [abc, def] = [collector('ABC-USD'), collector('DEF-USD')]
    await vt(Promise.all([abc.start(), def.start()]))
    server.rejected.add('trades.defusd')
    world.sockets.last.close()
    await world.clock.advance(20_000)
    expect([abc.status, def.status]).toEqual(['running', 'error'])
    server.rejected.clear()
    expect(await vt(def.start())).toBe(true)
  })

  test('a lost connection: degraded, told once, then running again by itself', async () => {
    setUp()
    const abc = collector()
    await vt(abc.start())
    const log = listen(abc)
    world.sockets.last.close()
    await world.clock.advance(10_000)
    expect(log).toEqual(['! SOCKET_LOST', 'trades.abcusd pending SOCKET_LOST', 'degraded', 'trades.abcusd confirmed', 'running'])
  })

  test('no server at all: false after the time-out, with the reason, and it goes on trying', async () => {
    setUp()
    world.sockets.onDial = (socket) => socket.close({ status: 503 })
    const abc = collector()
    expect(await vt(abc.start())).toBe(false)
    expect(abc.status).toBe('degraded')
    expect(abc.lastError).toMatchObject({ code: 'START_TIMEOUT' })
    expect(abc.lastError?.message).toContain('HTTP 503')
    world.sockets.onDial = server.accept
    await world.clock.advance(60_000)
    expect(abc.status).toBe('running')
  })

  test('without autoRestart it gives up instead, and lets go of everything', async () => {
    setUp()
    world.sockets.onDial = undefined
    const abc = collector('ABC-USD', { autoRestart: false, startTimeoutMs: 3_000 })
    expect(await vt(abc.start())).toBe(false)
    expect([abc.status, world.sockets.alive.length, world.clock.pending]).toEqual(['error', 0, 0])
  })

  test('the list does not come: by the naming convention, within its patience', async () => {
    setUp()
    world.answer = () => new Promise(() => undefined)
    const abc = collector()
    expect(await vt(abc.start())).toBe(true)
    expect(abc.instrument).toBeUndefined()
  })

  test('a bad frame is told to whom it may have been meant for, and costs a frame', async () => {
    setUp()
    const [abc, def] = [collector('ABC-USD'), collector('DEF-USD')]
    await vt(Promise.all([abc.start(), def.start()]))
    world.sockets.last.text('{"topic":"trades.defusd","px":')
    expect([abc.getStatus().statistics.errors, def.getStatus().statistics.errors]).toEqual([0, 1])
    expect([abc.status, def.status]).toEqual(['running', 'running'])
  })

  test('a definition that throws costs the start, not the process', async () => {
    setUp()
    const boom = (): never => {
      throw new Error('definition')
    }
    const abc = collector('ABC-USD', {}, defineExchange({ ...acme, topics: boom }))
    expect(await vt(abc.start())).toBe(false)
    expect(abc.lastError).toMatchObject({ code: 'COLLECTOR_FAILED', message: 'definition' })
  })
})

describe('stop, in every phase of the start', () => {
  const slowList = (): void => {
    world.answer = async () => {
      await new Promise<void>((resolve) => world.clock.after(100, resolve))
      return httpAnswer(200, [{ symbol: 'ABC-USD', live: true }])
    }
  }
  const slowOpen = (): void => {
    world.sockets.onDial = (socket) => void world.clock.after(100, () => server.accept(socket))
  }

  test.each([0, 50, 100, 101, 150, 199, 200, 201, 300, 5_000, 20_000])('after %i ms', async (ms) => {
    setUp()
    slowList()
    slowOpen()
    server.silent.add('trades.abcusd')
    const abc = collector()
    const start = abc.start()
    await world.clock.advance(ms)
    await vt(abc.stop())
    expect(await vt(start)).toBe(false)
    await world.clock.advance(1_000)
    expect([abc.status, world.sockets.alive.length, world.clock.pending]).toEqual(['stopped', 0, 0])
    expect(abc.getStatus().subscriptions).toEqual([])
  })

  test('and started again at once', async () => {
    for (const ms of [0, 50, 150, 199, 201]) {
      setUp()
      slowList()
      slowOpen()
      const abc = collector()
      void abc.start()
      await world.clock.advance(ms)
      void abc.stop()
      expect(await vt(abc.start())).toBe(true)
      expect(server.holders('trades.abcusd')).toHaveLength(1)
      await vt(abc.stop())
    }
  })
})

describe('status and health', () => {
  test('counters and times', async () => {
    setUp()
    const abc = collector()
    await vt(abc.start())
    await world.clock.advance(10_000)
    server.publish('trades.abcusd')
    await world.clock.advance(2_000)
    const status = abc.getStatus()
    expect(JSON.parse(JSON.stringify(status))).toEqual(status)
    expect(status).toMatchObject({
      health: { timeSinceData: 2 },
      statistics: { messagesReceived: 1, messagesProcessed: 1, reconnectAttempts: 0, lastError: null },
    })
    expect(status.statistics.connectionUptime).toBe('2026-11-22T00:00:00.000Z')
    expect(abc.getHealthStatus()).toMatchObject({ isHealthy: true })
  })

  test('where nobody can be asked whether a market is quiet: the maximum silence, and the smallest repair first', async () => {
    setUp()
    const abc = collector('ABC-USD', { maxSilenceDurationMs: 60_000 })
    await vt(abc.start())
    await world.clock.advance(59_000)
    expect([abc.status, abc.getHealthStatus().issues]).toEqual(['running', []])
    await world.clock.advance(11_000)
    expect([abc.status, abc.getStatus().statistics.restarts]).toEqual(['degraded', 0])
    expect(abc.getHealthStatus().issues).toEqual(['trades.abcusd is silent while its market is not known to be quiet'])
    expect(abc.getStatus().subscriptions).toMatchObject([{ status: 'confirmed', isStale: true, repairs: 1 }])
  })

  test('one collector, one pair', () => {
    setUp()
    const abc = collector()
    abc.addSymbol('ABC-USD')
    expect(() => abc.addSymbol('DEF-USD')).toThrow(/create another one/)
    expect(() => abc.removeSymbol('ABC-USD')).toThrow(/stop it instead/)
    expect(abc.symbols).toEqual(['ABC-USD'])
    expect(acmeTopic('abcusd').key).toBe('trades.abcusd')
  })
})
