import { afterEach, describe, expect, test } from 'vitest'
import { createOkxCollector, DataType, silentLogger, type OkxCollector, type OkxCollectorConfig } from 'tapekeeper'
import { CORRUPT_KINDS, createVirtualExchange, type VirtualExchange, type VirtualOptions } from 'tapekeeper/testing'
import { inVirtualTime } from '../support/virtual-time.ts'
import { seeds } from '../support/runs.ts'

// Virtual time: defaults of the library, minutes of faults in milliseconds.
let fake: VirtualExchange
const collectors: OkxCollector[] = []

function setUp(options: VirtualOptions = {}): void {
  fake = createVirtualExchange({ exchange: 'okx', seed: 3, tradesPerSecond: 20, ...options })
}

function collector(config: Partial<OkxCollectorConfig> = {}): OkxCollector {
  const made = createOkxCollector({
    symbol: 'BTC-USDT',
    dataTypes: [DataType.Trade],
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: silentLogger,
    ...config,
  })
  collectors.push(made)
  return made
}

const later = <T>(promise: Promise<T>): Promise<T> => inVirtualTime(fake.clock, promise)

function countTrades(target: OkxCollector): () => number {
  let count = 0
  target.addDataCallback(DataType.Trade, () => count++)
  return () => count
}

afterEach(async () => {
  await later(Promise.all(collectors.splice(0).map((each) => each.stop())))
  await fake.close()
})

describe('with defaults', () => {
  test.each([
    ['one socket', ['trade']],
    ['two sockets', ['trade', 'candle']],
  ] as const)('a server that acknowledges and closes is dialled at most 6 times in 10 s: %s', async (_name, dataTypes) => {
    for (const seed of seeds({ quick: 5, deep: 20 })) {
      setUp({ seed })
      fake.closeAfterAck()
      void collector({ dataTypes: [...dataTypes], candles: { source: 'exchange' } }).start()
      await fake.clock.advance(60_000)
      const dials = fake.dials.map(({ at }) => at)
      for (const from of dials) expect(dials.filter((at) => at >= from && at < from + 10_000).length).toBeLessThanOrEqual(6)
      expect(dials.length).toBeGreaterThan(2)
      await later(Promise.all(collectors.splice(0).map((each) => each.stop())))
      await fake.close()
    }
  })

  test('429 with Retry-After 30 is dialled once in 15 s, and heeded for 30', async () => {
    setUp()
    fake.refuse({ status: 429, retryAfterSeconds: 30 })
    void collector().start()
    await fake.clock.advance(29_900)
    expect(fake.dials).toHaveLength(1)
    fake.accept()
    await fake.clock.advance(5_000)
    expect(fake.dials.length).toBe(2)
    expect(collectors[0]?.status).toBe('running')
  })

  test('a half-open socket is replaced within 15 s, and within two keepalive periods', async () => {
    for (const seed of seeds({ quick: 4, deep: 10 })) {
      setUp({ seed })
      const target = collector()
      expect(await later(target.start())).toBe(true)
      await fake.clock.advance(12_345 + (seed % 10) * 377)
      const since = fake.clock.now()
      fake.halfOpen()
      const trades = countTrades(target)
      while (trades() === 0 && fake.clock.now() - since < 15_000) await fake.clock.advance(50)
      expect(trades()).toBeGreaterThan(0)
      expect(fake.clock.now() - since).toBeLessThanOrEqual(10_200)
      expect(fake.dials).toHaveLength(2)
      await later(target.stop())
      await fake.close()
    }
  })

  test.each(CORRUPT_KINDS)('a damaged frame costs that frame: %s', async (kind) => {
    setUp()
    const target = collector({ dataTypes: ['trade', 'ticker', 'orderbook'] })
    const trades = countTrades(target)
    expect(await later(target.start())).toBe(true)
    for (let round = 1; round <= 5; round++) {
      fake.corrupt(kind)
      await fake.clock.advance(2_000)
    }
    const before = trades()
    await fake.clock.advance(2_000)
    expect(trades()).toBeGreaterThan(before)
    expect(target.status).toBe('running')
    expect(target.getStatus().statistics.errors).toBeGreaterThanOrEqual(5)
    expect(fake.dials).toHaveLength(1)
  })

  test('notice 64008: the new connection delivers before the old one is gone', async () => {
    setUp()
    const target = collector()
    const trades = countTrades(target)
    expect(await later(target.start())).toBe(true)
    await fake.clock.advance(3_000)
    fake.notice({ closeAfterMs: 4_000 })
    for (let i = 0; i < 20; i++) {
      const before = trades()
      await fake.clock.advance(2_000)
      expect(trades()).toBeGreaterThan(before)
      expect(target.status).toBe('running')
    }
    expect(fake.connections).toHaveLength(1)
    expect(fake.dials).toHaveLength(2)
  })

  test.each([
    ['60012', 'SUBSCRIPTION_REJECTED'],
    ['60018', 'SUBSCRIPTION_REJECTED'],
    ['64001', 'SUBSCRIPTION_REJECTED'],
  ])('error %s for one symbol rejects its collector alone', async (code, expected) => {
    setUp()
    fake.rejectSubscriptions(code, undefined, { symbol: 'ETH-USDT' })
    const good = collector()
    const bad = collector({ symbol: 'ETH-USDT' })
    expect(await later(Promise.all([good.start(), bad.start()]))).toEqual([true, false])
    expect(bad.lastError?.code).toBe(expected)
    expect(good.status).toBe('running')
  })

  test('error 60014 slows down and then succeeds', async () => {
    setUp()
    fake.rejectSubscriptions('60014', undefined, { times: 1 })
    const target = collector()
    expect(await later(target.start())).toBe(true)
    expect(fake.requests.filter(({ op }) => op === 'subscribe').length).toBe(2)
  })

  test.each(['50119', '60032', '60005', '60024', '60009', '60007'])(
    'login refused with %s: no loop, public data unharmed',
    async (code) => {
      setUp()
      const { DEFAULT_CREDENTIALS } = await import('tapekeeper/testing')
      fake.rejectLogins(code)
      const target = collector({ dataTypes: ['balance'], credentials: DEFAULT_CREDENTIALS })
      const good = collector()
      expect(await later(Promise.all([target.start(), good.start()]))).toEqual([false, true])
      await fake.clock.advance(120_000)
      expect(target.lastError?.code).toBe('AUTH_FAILED')
      expect(fake.requests.filter(({ op }) => op === 'login')).toHaveLength(1)
      expect(good.status).toBe('running')
    },
  )

  test('a dropped connection is replaced and subscribed again', async () => {
    setUp()
    const target = collector({ dataTypes: ['trade', 'ticker', 'orderbook', 'candle'], candles: { source: 'exchange' } })
    expect(await later(target.start())).toBe(true)
    const statuses: string[] = []
    target.on('status', ({ to }) => statuses.push(to))
    await fake.clock.advance(15_000)
    fake.drop()
    await fake.clock.advance(10_000)
    expect(statuses).toEqual(['degraded', 'running'])
    expect(target.getStatus().subscriptions.every(({ status }) => status === 'confirmed')).toBe(true)
  })
})

describe('many collectors', () => {
  test('200 pairs of three data types share as many sockets as the cap requires, and leave nothing behind', async () => {
    setUp({ pairs: 200, tradesPerSecond: 1 })
    const many = Array.from({ length: 200 }, (_, i) =>
      collector({ symbol: `C${String(i + 1).padStart(3, '0')}-USDT`, dataTypes: ['trade', 'ticker', 'orderbook'] }),
    )
    expect(await later(Promise.all(many.map((each) => each.start())))).toEqual(many.map(() => true))
    expect(fake.connections).toHaveLength(Math.ceil(600 / 240))
    for (const { subscriptions } of fake.connections) expect(subscriptions.length).toBeLessThanOrEqual(240)
    expect(fake.requests.length).toBeLessThan(20)
    await later(Promise.all(many.map((each) => each.stop())))
    await fake.clock.advance(5_000)
    expect(fake.connections).toHaveLength(0)
  })
})
