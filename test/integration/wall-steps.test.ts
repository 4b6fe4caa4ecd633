import { expect, test } from 'vitest'
import { CollectorManager, createOkxCollector, silentLogger, type DataType } from 'tapekeeper'
import { CORRUPT_KINDS, createVirtualExchange, seededRandom } from 'tapekeeper/testing'
import { eachSeed } from '../support/runs.ts'

// The wall clock of this machine stamps and decides nothing. Each run is made twice, once with a wall clock that is set forward and
// back at random: everything that is delivered, found out, repaired and given up is the same, and at the same time.

const STEPS_MS = [-6 * 3_600_000, -600_000, -3_000, 700, 3 * 3_600_000, 400 * 86_400_000]

const KINDS: readonly (readonly [symbol: string, dataTypes: readonly DataType[]])[] = [
  ['BTC-USDT', ['trade', 'ticker', 'orderbook', 'candle']],
  ['ETH-USDT', ['candle']],
]

/** What happened, and when by elapsed time; without our own stamps. */
async function run(seed: number, isStepped: boolean): Promise<readonly string[]> {
  const random = seededRandom(`wall ${seed}`)
  const steps = seededRandom(`steps ${seed}`)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const fake = createVirtualExchange({
    seed,
    instruments: KINDS.map(([symbol]) => symbol),
    tradesPerSecond: 2,
    bookUpdatesPerSecond: 1,
    historyMs: 1_000,
    networkDelayMs: 5,
  })
  const { clock, endpoints, ports } = fake
  const seen: string[] = []
  const see = (what: string, facts: object): void => {
    seen.push(
      `${clock.elapsed()} ${what} ${JSON.stringify(facts, (key, value: unknown) => (key === 'at' || key === 'receivedAt' ? undefined : value))}`,
    )
  }
  const manager = new CollectorManager({ logger: silentLogger, ports, globalHealthCheckIntervalMs: 20_000 })
  manager.on('health', (health) => see('health', health))
  const collectors = KINDS.map(([symbol, dataTypes]) =>
    createOkxCollector({
      symbol,
      dataTypes,
      endpoints,
      ports,
      orderBook: { depth: 400 },
      candles: { timeframes: ['1s', '1m'] },
      logger: silentLogger,
    }),
  )
  for (const collector of collectors) {
    const { symbol } = collector
    for (const event of ['status', 'subscription', 'restart', 'book', 'gap'] as const)
      collector.on(event, (news: object) => see(`${symbol} ${event}`, news))
    collector.on('error', ({ code, message }) => see(`${symbol} error`, { code, message }))
    for (const dataType of collector.dataTypes)
      collector.addDataCallback(dataType, ({ timestamp, data }) => see(dataType, { timestamp, data }))
    manager.addCollector(collector)
  }
  const faults: readonly (() => unknown)[] = [
    () => fake.drop(),
    () => fake.halfOpen(),
    () => fake.refuse({ status: 429, retryAfterSeconds: 5, forMs: 8_000 }),
    () => fake.refuse({ hang: true, forMs: 9_000 }),
    () => fake.corrupt(pick(CORRUPT_KINDS)),
    () => fake.failRest({ forMs: 40_000 }),
    () => fake.failRest({ cut: true, times: 3 }),
    () => fake.restDelay(3_000),
    () => fake.notice({ closeAfterMs: 3_000 }),
    () => fake.skip('BTC-USDT', 5),
    () => fake.mute('BTC-USDT', { until: 'resubscribed' }),
    () => fake.mute({ symbol: 'ETH-USDT' }, { until: 'reconnected' }),
    () => fake.rejectSubscriptions('50013', 'busy', { times: 3 }),
    () => fake.silenceAcks('ETH-USDT'),
    () => fake.resetSequence('BTC-USDT'),
    () => fake.heal(),
    () => fake.heal(),
    () => fake.setTradesPerSecond('ETH-USDT', pick([0, 0.1, 5])),
  ]
  void manager.start()
  // Of an exchange that has not been heard yet the wall clock is all there is: what it says then makes candles doubtful or not.
  await clock.advance(20_000)
  for (let i = 0; i < 40; i++) {
    if (isStepped) clock.stepWall(STEPS_MS[Math.floor(steps() * STEPS_MS.length)]!)
    await clock.advance(Math.floor(500 + 30_000 * random() ** 2))
    for (const collector of collectors) {
      const { health, statistics, subscriptions } = collector.getStatus()
      const { uptimeSeconds, reconnectAttempts } = statistics
      see(collector.symbol, { health, uptimeSeconds, reconnectAttempts, silences: subscriptions.map(({ silence }) => silence) })
    }
    pick(faults)()
  }
  fake.heal()
  await clock.advance(60_000)
  void manager.stop()
  await clock.advance(30_000)
  await fake.close()
  expect([manager.status, clock.pending]).toEqual(['stopped', 0])
  return seen
}

test('whatever the wall clock does, the same things happen at the same times', () =>
  eachSeed({ quick: 3, deep: 20 }, async (seed) => {
    const expected = await run(seed, false)
    const stepped = await run(seed, true)
    const at = expected.findIndex((line, i) => line !== stepped[i])
    expect(stepped.slice(at - 3, at + 3)).toEqual(expected.slice(at - 3, at + 3))
    expect(stepped.length).toBe(expected.length)
    expect(expected.length).toBeGreaterThan(1_000)
  }))
