import { describe, expect, test } from 'vitest'
import { createOkxCollector, silentLogger, type Gap, type OkxCollector, type OkxCollectorConfig, type PointOf } from 'tapekeeper'
import { startFakeExchange, type FakeExchange, type LoopbackOptions } from 'tapekeeper/testing'
import { brokenAgainst, brokenAt, fillsIn, logTape, pieceOfTrade, type TapeLog } from '../core/tape/tape-log.ts'

// Real sockets, real REST, real time. What is asserted is what arrived, never how fast.

const SYMBOL = 'BTC-USDT'
const HISTORY = '/api/v5/market/history-trades'

interface World extends AsyncDisposable {
  readonly fake: FakeExchange
  readonly collector: OkxCollector
  readonly log: TapeLog
}

async function running(options: LoopbackOptions = {}, config: Partial<OkxCollectorConfig> = {}): Promise<World> {
  const fake = await startFakeExchange({
    seed: 11,
    instruments: [SYMBOL],
    tradesPerSecond: 20,
    bookUpdatesPerSecond: 0,
    ...options,
  })
  const collector = createOkxCollector({
    symbol: SYMBOL,
    dataTypes: ['trade'],
    endpoints: fake.endpoints,
    logger: silentLogger,
    ...config,
  })
  const log = logTape(collector)
  expect(await collector.start()).toBe(true)
  return {
    fake,
    collector,
    log,
    async [Symbol.asyncDispose]() {
      await collector.stop()
      await fake.close()
    },
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** `expect.poll` belongs to one test at a time; these run side by side. */
async function until(what: string, isTrue: () => boolean): Promise<void> {
  const end = Date.now() + 240_000
  while (!isTrue()) {
    if (Date.now() > end) throw new Error(`not within 240 s: ${what}`)
    await pause(10)
  }
}

const arrived = async ({ log }: World, more: number): Promise<void> => {
  const goal = log.trades.length + more
  await until(`${more} more rows`, () => log.trades.length >= goal)
}

const newestId = (fake: FakeExchange): number => Number(fake.trades(SYMBOL).at(-1)?.id)

/** Lets the market rest, then waits until everything it ever traded has been accounted for. */
async function settled({ fake, log }: World): Promise<void> {
  fake.setTradesPerSecond(SYMBOL, 0)
  fake.trade(SYMBOL, { count: 3 })
  await until('everything is accounted for', () => log.pieces.at(-1)?.last === newestId(fake))
}

/** Every fill since the first one seen, each once, each as the exchange made it. */
function expectComplete({ fake, collector, log }: World): void {
  const fills = fake.trades(SYMBOL)
  expect(brokenAgainst(log.pieces, fills)).toBeUndefined()
  expect(log.gaps).toEqual([])
  const truth = new Map(fills.map((fill) => [fill.id, fill]))
  for (const { data, timestamp } of log.trades) {
    expect(truth.get(data.id)).toMatchObject({ price: data.price, side: data.side, timestamp })
  }
  const { delivered, missing } = collector.getCompleteness()
  expect({ delivered, missing }).toEqual({ delivered: fillsIn(log.pieces, 'trade'), missing: 0 })
}

const historyRequests = (fake: FakeExchange) => fake.restRequests.filter(({ path }) => path === HISTORY)

describe.concurrent('on loopback sockets at 20 trades a second', () => {
  test('an abrupt drop, and two rows sent again on resubscription: nothing lost, nothing twice', async () => {
    await using world = await running({ resendOnSubscribe: 2 })
    const { fake, collector, log } = world
    await arrived(world, 20)
    for (let round = 0; round < 2; round++) {
      const before = fake.dials.length
      expect(fake.drop()).toBe(1)
      // Trades that nobody was told of.
      fake.emitTrades(SYMBOL, 7)
      // Two rows of their own behind them: what is sent again on a quick redial holds none of the seven.
      fake.trade(SYMBOL)
      fake.trade(SYMBOL)
      await until('it dials again', () => fake.dials.length > before)
      await arrived(world, 15)
    }
    await settled(world)
    const { duplicates } = collector.getCompleteness()
    // Now nothing happens meanwhile: what is sent again has all been seen.
    fake.drop()
    await until('two rows came again', () => collector.getCompleteness().duplicates >= duplicates + 2)
    fake.setTradesPerSecond(SYMBOL, 20)
    await arrived(world, 10)
    await settled(world)
    expectComplete(world)
    expect(log.pieces.filter(({ what }) => what === 'backfilled').length).toBeGreaterThanOrEqual(14)
    expect(log.errors.map(({ code }) => code)).toEqual(['SOCKET_LOST', 'SOCKET_LOST', 'SOCKET_LOST'])
  })

  test('the same over trades-all', async () => {
    await using world = await running({ resendOnSubscribe: 2 }, { customParams: { tradeChannel: 'trades-all' } })
    await arrived(world, 20)
    world.fake.drop()
    world.fake.emitTrades(SYMBOL, 250)
    await arrived(world, 270)
    await settled(world)
    expectComplete(world)
    expect(historyRequests(world.fake).length).toBeGreaterThanOrEqual(3)
  })

  test('a burst of 5,000 into a callback and into an iterator within its bound: nothing lost', async () => {
    await using world = await running()
    const { fake, collector, log } = world
    await arrived(world, 3)
    const slow: PointOf<'trade'>[] = []
    collector.addDataCallback('trade', async (point) => {
      await pause(1_500)
      slow.push(point)
    })
    const stream = collector.stream('trade')
    const seen: PointOf<'trade'>[] = []
    const reading = (async () => {
      for await (const point of stream) {
        seen.push(point)
        if (seen.length === 1) await pause(1_500)
      }
    })()
    fake.emitTrades(SYMBOL, 5_000)
    await settled(world)
    expectComplete(world)
    const [first] = slow
    await collector.stop()
    await reading
    expect(stream.dropped).toBe(0)
    expect(brokenAgainst(seen.map(pieceOfTrade), fake.trades(SYMBOL))).toBeUndefined()
    expect(fillsIn(seen.map(pieceOfTrade), 'trade')).toBeGreaterThanOrEqual(5_000)
    await until('the slow callbacks are done', () => slow.length === seen.length)
    expect(first === undefined || slow.includes(first)).toBe(true)
    expect(historyRequests(fake)).toEqual([])
    expect(log.errors).toEqual([])
  })

  test.each(['drop-oldest', 'drop-newest'] as const)(
    'a burst of 5,000 beyond the bound of an iterator: one gap counts them exactly (%s)',
    async (onOverflow) => {
      await using world = await running({ tradesPerSecond: 0 }, {})
      const { fake, collector, log } = world
      const gaps: Gap[] = []
      collector.on('gap', (gap) => gaps.push(gap))
      const stream = collector.stream('trade', { highWaterMark: 1_000, onOverflow })
      const seen: PointOf<'trade'>[] = []
      const reading = (async () => {
        for await (const point of stream) {
          seen.push(point)
          if (seen.length === 1) await pause(1_500)
        }
      })()
      fake.trade(SYMBOL)
      await until('the first one is read', () => seen.length === 1)
      fake.emitTrades(SYMBOL, 5_000)
      await until('everything is accounted for', () => log.pieces.at(-1)?.last === newestId(fake))
      // The consumer is awake again.
      await until('the queue is empty', () => stream.size === 0)
      await settled(world)
      await collector.stop()
      await reading

      // Everybody else got everything.
      expectComplete(world)
      expect(gaps).toMatchObject([{ reason: 'consumer-too-slow', filled: false, symbol: SYMBOL }])
      const [gap] = gaps
      const got = seen.map(pieceOfTrade)
      const lost = { kind: 'gap', first: Number(gap?.fromId), last: Number(gap?.toId), what: 'lost' } as const
      const all = [...got, lost].sort((a, b) => a.first - b.first)
      expect(brokenAgainst(all, fake.trades(SYMBOL))).toBeUndefined()
      expect(brokenAt(got)).toMatch(/follows/)
      expect(gap?.missing).toBe(lost.last - lost.first + 1)
      expect(fillsIn(got, 'trade') + (gap?.missing ?? 0)).toBe(fillsIn(log.pieces, 'trade'))
      // Rows were dropped; each stands for its fills.
      expect(stream.dropped).toBe(log.trades.length - seen.length)
      expect(collector.getStatus().statistics.streamDropped).toBe(stream.dropped)
    },
  )

  test('notice 64008 and the close 4 s later: nothing lost without REST, one live subscription at every instant', async () => {
    await using world = await running()
    const { fake, log } = world
    fake.failRest({ path: HISTORY })
    await arrived(world, 10)
    const live = () => fake.connections.filter(({ deaf, subscriptions }) => !deaf && subscriptions.length > 0).length
    const [old] = fake.connections
    let [least, most] = [Infinity, 0]
    const sampling = setInterval(() => {
      least = Math.min(least, live())
      most = Math.max(most, live())
    }, 1)
    fake.notice({ closeAfterMs: 4_000 })
    // Past the forced close, whether or not the old connection lived to see it.
    await pause(4_500)
    await arrived(world, 20)
    clearInterval(sampling)
    await settled(world)
    expectComplete(world)
    expect({ least, most }).toEqual({ least: 1, most: 2 })
    expect(fake.connections.map(({ id }) => id)).not.toContain(old?.id)
    expect(fake.connections).toHaveLength(1)
    expect(log.pieces.every(({ what }) => what === 'live')).toBe(true)
    expect(historyRequests(fake)).toEqual([])
    expect(log.errors).toEqual([])
  })

  test('a half-open connection: nothing lost', async () => {
    await using world = await running({}, { customParams: { pingIntervalMs: 1_000 } })
    const { fake, log } = world
    await arrived(world, 10)
    expect(fake.halfOpen()).toBe(1)
    await until('it dials again', () => fake.dials.length === 2)
    await arrived(world, 20)
    await settled(world)
    expectComplete(world)
    expect(log.pieces.some(({ what }) => what === 'backfilled')).toBe(true)
  })

  test('messages lost while the connection stays: filled from REST without a reconnect', async () => {
    await using world = await running()
    const { fake, log } = world
    await arrived(world, 10)
    fake.skip(SYMBOL, 3)
    await arrived(world, 20)
    await settled(world)
    expectComplete(world)
    expect(log.pieces.filter(({ what }) => what === 'backfilled').length).toBeGreaterThanOrEqual(3)
    expect(historyRequests(fake).length).toBeGreaterThan(0)
    expect(fake.dials).toHaveLength(1)
    expect(log.errors).toEqual([])
  })

  test('a hot pair loses one of its two sockets: nothing lost without REST', async () => {
    await using world = await running({ enforceDialLimit: false }, { redundancy: 2 })
    const { fake, collector, log } = world
    fake.failRest({ path: HISTORY })
    expect(fake.connections).toHaveLength(2)
    await arrived(world, 10)
    for (const index of [0, 1]) {
      fake.connections[index]?.terminate()
      fake.emitTrades(SYMBOL, 9)
      await arrived(world, 5)
      await until('both sockets are back', () => fake.connections.length === 2)
      await until('it runs', () => collector.status === 'running')
    }
    await settled(world)
    expectComplete(world)
    expect(log.pieces.every(({ what }) => what === 'live')).toBe(true)
    expect(historyRequests(fake)).toEqual([])
    expect(collector.getCompleteness().duplicates).toBeGreaterThan(5)
  })
})
