import { afterEach, describe, expect, test } from 'vitest'
import {
  createMemoryCursorStore,
  createOkxCollector,
  silentLogger,
  type CursorStore,
  type OkxCollector,
  type OkxCollectorConfig,
} from 'tapekeeper'
import { createVirtualExchange, type VirtualExchange, type VirtualOptions } from 'tapekeeper/testing'
import { brokenAgainst, fillsIn, logTape, newTapeLog, type TapeLog } from '../core/tape/tape-log.ts'
import { inVirtualTime } from '../support/virtual-time.ts'

// Whole collectors against the fake exchange, defaults of the library, in virtual time.

const SYMBOL = 'BTC-USDT'
const HISTORY = '/api/v5/market/history-trades'

let fake: VirtualExchange
const collectors: OkxCollector[] = []

function open(options: VirtualOptions = {}): void {
  fake = createVirtualExchange({
    seed: 21,
    instruments: [SYMBOL, 'ETH-USDT'],
    tradesPerSecond: 10,
    bookUpdatesPerSecond: 0,
    historyMs: 1_000,
    ...options,
  })
}

function make(config: Partial<OkxCollectorConfig> = {}): OkxCollector {
  const collector = createOkxCollector({
    symbol: SYMBOL,
    dataTypes: ['trade'],
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: silentLogger,
    ...config,
  })
  collectors.push(collector)
  return collector
}

const later = <T>(promise: Promise<T>): Promise<T> => inVirtualTime(fake.clock, promise)

async function running(config: Partial<OkxCollectorConfig> = {}): Promise<{ collector: OkxCollector; log: TapeLog }> {
  const collector = make(config)
  const log = logTape(collector)
  expect(await later(collector.start())).toBe(true)
  return { collector, log }
}

async function stopAll(): Promise<void> {
  await later(Promise.all(collectors.splice(0).map((collector) => collector.stop())))
}

/** The market rests, and a last trade shows whatever was missed. */
async function settle(symbol = SYMBOL, ms = 10_000): Promise<void> {
  fake.setTradesPerSecond(symbol, 0)
  await fake.clock.advance(1_000)
  fake.trade(symbol)
  await fake.clock.advance(ms)
}

function expectComplete({ pieces, gaps }: TapeLog, symbol = SYMBOL): void {
  expect(brokenAgainst(pieces, fake.trades(symbol))).toBeUndefined()
  expect(gaps).toEqual([])
}

const historyRequests = () => fake.restRequests.filter(({ path }) => path === HISTORY)

afterEach(async () => {
  await stopAll()
  expect(fake.connections).toEqual([])
  await fake.close()
  expect(fake.clock.pending).toBe(0)
})

describe('make before break', () => {
  test('collector.rollover(): a new connection, nothing lost, no REST; whoever shares it moves along', async () => {
    open()
    fake.failRest({ path: HISTORY })
    const { collector, log } = await running()
    const other = await running({ symbol: 'ETH-USDT' })
    const [first] = fake.connections
    for (let round = 0; round < 5; round++) {
      collector.rollover()
      let least = Infinity
      // Long enough for the new one to prove stable: what is asked for before that waits.
      for (let i = 0; i < 120; i++) {
        await fake.clock.advance(50)
        least = Math.min(least, fake.connections.filter(({ subscriptions }) => subscriptions.length === 2).length)
      }
      expect(least).toBe(1)
      expect(fake.connections).toHaveLength(1)
    }
    expect(fake.connections[0]?.id).not.toBe(first?.id)
    expect(fake.dials).toHaveLength(6)
    await settle()
    await settle('ETH-USDT')
    expectComplete(log)
    expectComplete(other.log, 'ETH-USDT')
    expect(historyRequests()).toEqual([])
    expect(log.errors).toEqual([])
  })

  test('asked for again and again, or while nothing is connected: nothing lost, one connection', async () => {
    open()
    const { collector, log } = await running()
    for (let i = 0; i < 10; i++) {
      collector.rollover()
      await fake.clock.advance(170)
    }
    fake.drop()
    collector.rollover()
    await fake.clock.advance(20)
    collector.rollover()
    await fake.clock.advance(20_000)
    expect(fake.connections).toHaveLength(1)
    await settle()
    expectComplete(log)
  })

  test('before `maxConnectionAgeMs`, again and again', async () => {
    open({ tradesPerSecond: 5 })
    fake.failRest({ path: HISTORY })
    const { log } = await running({ maxConnectionAgeMs: 60_000 })
    let oldest = 0
    for (let passed = 0; passed < 300_000; passed += 500) {
      await fake.clock.advance(500)
      for (const { openedAt } of fake.connections) oldest = Math.max(oldest, fake.clock.now() - openedAt)
    }
    expect(fake.dials.length).toBeGreaterThanOrEqual(5)
    expect(oldest).toBeLessThanOrEqual(62_000)
    await settle()
    expectComplete(log)
    expect(historyRequests()).toEqual([])
    expect(log.errors).toEqual([])
  })
})

describe('a hot pair', () => {
  test('one socket lost, either of them: nothing lost without REST', async () => {
    open({ networkDelayMs: 15 })
    fake.failRest({ path: HISTORY })
    const { collector, log } = await running({ redundancy: 2 })
    expect(fake.connections).toHaveLength(2)
    for (let round = 0; round < 6; round++) {
      fake.connections[round % 2]?.terminate()
      fake.emitTrades(SYMBOL, 5)
      await fake.clock.advance(10_000)
      expect(fake.connections).toHaveLength(2)
    }
    await settle()
    expectComplete(log)
    expect(log.pieces.every(({ what }) => what === 'live')).toBe(true)
    expect(historyRequests()).toEqual([])
    const { delivered, duplicates } = collector.getCompleteness()
    expect(duplicates).toBeGreaterThan(delivered / 2)
    expect(collector.getStatus().subscriptions.map(({ status }) => status)).toEqual(['confirmed', 'confirmed'])
  })

  test('both lost: REST fills it', async () => {
    open()
    const { log } = await running({ redundancy: 2 })
    await fake.clock.advance(2_000)
    fake.drop()
    fake.emitTrades(SYMBOL, 50)
    await fake.clock.advance(10_000)
    await settle()
    expectComplete(log)
    expect(historyRequests().length).toBeGreaterThan(0)
  })
})

describe('a restart of the process', () => {
  test.each([
    ['is stopped', false],
    ['is stopped in the middle of a repair', true],
  ])('one collector %s, the next one fills the hole between them', async (_name, isRepairing) => {
    open()
    const cursorStore = createMemoryCursorStore()
    const { collector, log } = await running({ tape: { cursorStore } })
    await fake.clock.advance(3_000)
    if (isRepairing) {
      fake.failRest({ path: HISTORY })
      fake.skip(SYMBOL, 4)
      await fake.clock.advance(3_000)
    }
    await later(collector.stop())
    fake.healRest()
    await fake.clock.advance(120_000)
    const next = make({ tape: { cursorStore } })
    logTape(next, log)
    expect(await later(next.start())).toBe(true)
    await fake.clock.advance(20_000)
    await settle()
    expectComplete(log)
    expect(next.getCompleteness().backfilled).toBeGreaterThan(1_000)
    const sum = collector.getCompleteness().delivered + next.getCompleteness().delivered
    expect(sum).toBe(fillsIn(log.pieces, 'trade'))
  })

  test('what is older than `maxBackfillMs` is one gap, the rest is read', async () => {
    open()
    const cursorStore = createMemoryCursorStore()
    const { collector, log } = await running({ tape: { cursorStore, maxBackfillMs: 60_000 } })
    await fake.clock.advance(3_000)
    await later(collector.stop())
    await fake.clock.advance(400_000)
    const next = make({ tape: { cursorStore, maxBackfillMs: 60_000 } })
    logTape(next, log)
    const restartedAt = fake.clock.now()
    expect(await later(next.start())).toBe(true)
    await fake.clock.advance(20_000)
    await settle()
    expect(brokenAgainst(log.pieces, fake.trades(SYMBOL))).toBeUndefined()
    expect(log.gaps.map(({ reason }) => reason)).toEqual(['too-old'])
    const cut = fake.trades(SYMBOL).find(({ id }) => id === log.gaps[0]?.toId)
    expect(cut?.timestamp).toBeLessThan(restartedAt - 59_000)
    expect(cut?.timestamp).toBeGreaterThan(restartedAt - 62_000)
    expect(next.getCompleteness().backfilled).toBeGreaterThan(500)
  })

  test('a store that rejects costs an error, and not the market', async () => {
    open()
    const failing = (): Promise<never> => Promise.reject(new Error('database is away'))
    const cursorStore: CursorStore = { load: () => Promise.resolve(undefined), save: failing }
    const { collector, log } = await running({ tape: { cursorStore } })
    await fake.clock.advance(5_000)
    fake.drop()
    await fake.clock.advance(10_000)
    expect(collector.status).toBe('running')
    await settle()
    expectComplete(log)
    const failed = log.errors.filter(({ code }) => code === 'CURSOR_FAILED')
    // One for each save.
    expect(failed.length).toBeGreaterThan(5)
    expect(log.errors.length - failed.length).toBe(1)
    expect(failed[0]).toMatchObject({ message: 'database is away', consequence: expect.any(String) as string })
  })

  test('restart() and stop() then start() of one collector lose nothing with a store', async () => {
    open()
    const { collector, log } = await running({ tape: { cursorStore: createMemoryCursorStore() } })
    await fake.clock.advance(2_000)
    await later(collector.restart())
    await fake.clock.advance(2_000)
    await later(collector.stop())
    await fake.clock.advance(30_000)
    await later(collector.start())
    await fake.clock.advance(10_000)
    await settle()
    expectComplete(log)
    expect(collector.getCompleteness().streams).toHaveLength(1)
    expect(collector.getCompleteness().delivered).toBe(fillsIn(log.pieces, 'trade'))
  })

  test('restart() without a store loses nothing either', async () => {
    open()
    const { collector, log } = await running()
    for (let round = 0; round < 4; round++) {
      await fake.clock.advance(1_300)
      fake.skip(SYMBOL, 2)
      await fake.clock.advance(200 * round)
      await later(collector.restart())
    }
    await fake.clock.advance(10_000)
    await settle()
    expectComplete(log)
  })
})

describe('REST in trouble', () => {
  const troubles: readonly (readonly [string, () => void])[] = [
    ['503', () => fake.failRest({ path: HISTORY })],
    ['no answer at all', () => fake.restDelay(60_000)],
    ['a cut line', () => fake.failRest({ path: HISTORY, cut: true })],
    ['429 and nothing more', () => fake.failRest({ path: HISTORY, status: 429 })],
    ['429 with Retry-After 1', () => fake.failRest({ path: HISTORY, status: 429, retryAfterSeconds: 1 })],
    ['429 with Retry-After 8', () => fake.failRest({ path: HISTORY, status: 429, retryAfterSeconds: 8 })],
    ['429 with Retry-After 60', () => fake.failRest({ path: HISTORY, status: 429, retryAfterSeconds: 60 })],
    ['empty pages', () => fake.failRest({ path: HISTORY, empty: true })],
    ['an error in the envelope', () => fake.failRest({ path: HISTORY, code: '51001' })],
    ['busy in the envelope', () => fake.failRest({ path: HISTORY, code: '50001' })],
  ]

  test.each(troubles)('%s: holes become gaps in time, in their places, and are filled when it is over', async (_name, spoil) => {
    open()
    const collector = make()
    const log = logTape(collector)
    let longestWaitMs = 0
    collector.addDataCallback('trade', ({ receivedAt, data }) => {
      if (!data.backfilled) longestWaitMs = Math.max(longestWaitMs, fake.clock.now() - receivedAt)
    })
    expect(await later(collector.start())).toBe(true)
    await fake.clock.advance(2_000)
    spoil()
    for (let i = 0; i < 40; i++) {
      fake.skip(SYMBOL, 2)
      await fake.clock.advance(2_000)
    }
    const asked = historyRequests().length
    fake.heal()
    await fake.clock.advance(30_000)
    await settle()
    expect(brokenAgainst(log.pieces, fake.trades(SYMBOL))).toBeUndefined()
    // `repairTimeoutMs`, and the end of the reading that is under way.
    expect(longestWaitMs).toBeLessThanOrEqual(15_000 + 6_000)
    expect(asked).toBeLessThan(200)
    const { missing } = collector.getCompleteness()
    const filled = log.filled.reduce((sum, gap) => sum + (gap.missing ?? 0), 0)
    expect(missing + filled).toBe(fillsIn(log.pieces, 'gap'))
    expect(log.gaps.length).toBeGreaterThan(5)
    // One after the other: a thousand would take a while.
    await fake.clock.advance(1_800_000)
    expect(log.filled).toHaveLength(log.gaps.length)
    expect(collector.getCompleteness().missing).toBe(0)
  })

  test('200 tapes that repair at once queue for longer than `repairTimeoutMs`, and end without a gap', async () => {
    open({ instruments: [], pairs: 200, tradesPerSecond: 0, networkDelayMs: 20 })
    const symbols = fake.instruments.map(({ symbol }) => symbol)
    const logs = symbols.map((symbol) => logTape(make({ symbol }), newTapeLog()))
    await later(Promise.all(collectors.map((collector) => collector.start())))
    for (const symbol of symbols) fake.trade(symbol)
    await fake.clock.advance(1_000)
    fake.drop()
    for (const symbol of symbols) fake.emitTrades(symbol, 120)
    await fake.clock.advance(5_000)
    for (const symbol of symbols) fake.trade(symbol)
    await fake.clock.advance(75_000)
    const at = historyRequests().map((request) => request.at)
    expect(at.length).toBeGreaterThanOrEqual(400)
    expect(at.at(-1)! - at[0]!).toBeGreaterThan(30_000)
    expect(historyRequests().every(({ status }) => status === 200)).toBe(true)
    for (const [index, symbol] of symbols.entries()) expectComplete(logs[index]!, symbol)
  })
})

describe('a stop in the middle of a repair', () => {
  const moments: readonly (readonly [string, number, () => void])[] = [
    ['in the grace time', 100, () => undefined],
    ['while REST is being asked', 700, () => fake.restDelay(4_000)],
    ['between two attempts', 3_000, () => fake.failRest({ path: HISTORY })],
    ['while it is told to wait', 3_000, () => fake.failRest({ path: HISTORY, status: 429, retryAfterSeconds: 9 })],
    ['after gaps, while they are still pursued', 40_000, () => fake.failRest({ path: HISTORY })],
  ]
  test.each(moments)(
    '%s: the rest is accounted for before the streams end; no timer, no socket is left',
    async (_name, afterMs, spoil) => {
      open()
      const { collector, log } = await running()
      const stream = collector.stream('trade', { highWaterMark: 100_000 })
      await fake.clock.advance(1_000)
      fake.setTradesPerSecond(SYMBOL, 0)
      await fake.clock.advance(200)
      spoil()
      for (let hole = 0; hole < 3; hole++) {
        fake.skip(SYMBOL, 2)
        for (let i = 0; i < 4; i++) fake.trade(SYMBOL, { count: 2 })
      }
      await fake.clock.advance(afterMs)
      await later(collector.stop())
      const newest = fake.trades(SYMBOL)
      expect(brokenAgainst(log.pieces, newest)).toBeUndefined()
      const read: string[] = []
      for await (const { data } of stream) read.push(data.id)
      expect(read).toEqual(log.trades.map(({ data }) => data.id))
      expect(log.gaps.map(({ missing }) => missing)).toEqual([4, 4, 4])
      const said = log.pieces.length
      fake.heal()
      await fake.clock.advance(600_000)
      expect(log.pieces).toHaveLength(said)
      expect(log.filled).toEqual([])
      expect(log.errors).toEqual([])
    },
  )

  test('by force: the same, at once', async () => {
    open()
    const { collector, log } = await running()
    await fake.clock.advance(1_000)
    fake.failRest({ path: HISTORY })
    fake.skip(SYMBOL, 3)
    await fake.clock.advance(3_000)
    fake.setTradesPerSecond(SYMBOL, 0)
    await fake.clock.advance(200)
    const stopped = collector.stop(true)
    await fake.clock.settle()
    await stopped
    expect(brokenAgainst(log.pieces, fake.trades(SYMBOL))).toBeUndefined()
    expect(log.gaps.at(-1)?.reason).toBe('stopped')
  })
})
