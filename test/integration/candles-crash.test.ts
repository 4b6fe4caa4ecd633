import { afterEach, expect, test } from 'vitest'
import {
  aggregateTrades,
  createOkxCollector,
  silentLogger,
  TIMEFRAMES,
  type CursorStore,
  type OhlcvData,
  type OkxCollector,
  type TapeCursor,
  type Timeframe,
} from 'tapekeeper'
import { createVirtualExchange, seededRandom, type VirtualExchange } from 'tapekeeper/testing'
import { inVirtualTime } from '../support/virtual-time.ts'
import { seeds } from '../support/runs.ts'

// A process is killed at any moment and comes again: the candles that were open go on where the kept cursor stands.

const BTC = 'BTC-USDT'
const MINUTE_MS = 60_000

let fake: VirtualExchange
afterEach(() => fake.close())

/** What is kept outlives a process; what a dead process would still save does not. */
class Kept {
  cursors = new Map<string, TapeCursor>()
  candles = new Map<string, OhlcvData>()

  /** For one process, until it is killed. */
  process(): { readonly cursorStore: CursorStore; readonly keep: (candle: OhlcvData) => void; readonly kill: () => void } {
    let isAlive = true
    return {
      kill: () => (isAlive = false),
      keep: (candle) => {
        if (isAlive && candle.status !== 'open') this.candles.set(`${candle.timeframe} ${candle.openTime}`, candle)
      },
      cursorStore: {
        load: (stream) => Promise.resolve(this.cursors.get(stream)),
        save: (stream, cursor) => {
          if (isAlive) this.cursors.set(stream, cursor)
          return Promise.resolve()
        },
      },
    }
  }
}

async function start(kept: Kept, completeSeries: boolean, timeframes: readonly Timeframe[] = TIMEFRAMES) {
  const { cursorStore, keep, kill } = kept.process()
  const collector = createOkxCollector({
    symbol: BTC,
    dataTypes: ['candle'],
    candles: { timeframes, completeSeries },
    tape: { cursorStore },
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: silentLogger,
  })
  collector.addDataCallback('candle', ({ data }) => keep(data))
  expect(await inVirtualTime(fake.clock, collector.start())).toBe(true)
  return { collector, kill }
}

const stop = (collector: OkxCollector): Promise<void> => inVirtualTime(fake.clock, collector.stop(true))

const shown = (candle: OhlcvData | undefined) => candle && JSON.stringify({ ...candle, status: 'closed' })

async function expectExact(kept: Kept, from: number, to: number, completeSeries: boolean): Promise<void> {
  const options = { exchange: 'okx', symbol: BTC, timeframes: TIMEFRAMES, completeSeries }
  const trades = fake.trades(BTC).map(({ id, price, size, side, timestamp }) => ({ id, price, size, side, timestamp }))
  let compared = 0
  for await (const candle of aggregateTrades(trades, options)) {
    if (candle.openTime < from || candle.closeTime > to) continue
    const key = `${candle.timeframe} ${candle.openTime}`
    expect(shown(kept.candles.get(key)), key).toBe(shown(candle))
    compared++
  }
  expect(compared).toBeGreaterThan(0)
}

test.each(seeds({ quick: 2, deep: 12 }).map((seed) => [seed, seed % 2 === 1] as const))(
  'killed again and again, seed %i, complete series %s: every candle is there, exact',
  async (seed, completeSeries) => {
    const random = seededRandom(seed)
    fake = createVirtualExchange({
      seed,
      instruments: [BTC],
      tradesPerSecond: 2,
      bookUpdatesPerSecond: 0,
      historyMs: 5_000,
    })
    const kept = new Kept()
    let running = await start(kept, completeSeries)
    const from = fake.clock.now()
    for (let life = 0; life < 6; life++) {
      await fake.clock.advance(1_000 + random() * 4 * MINUTE_MS)
      if (random() < 0.3) fake.drop()
      await fake.clock.advance(random() * 3_000)
      running.kill()
      await stop(running.collector)
      await fake.clock.advance(random() * 90_000)
      running = await start(kept, completeSeries)
    }
    await fake.clock.advance(5 * MINUTE_MS)
    await expectExact(kept, from, fake.clock.now() - 3_000, completeSeries)
    await stop(running.collector)
  },
)

test('other timeframes than before: candles begin anew, and say so', async () => {
  fake = createVirtualExchange({ seed: 1, instruments: [BTC], tradesPerSecond: 2, bookUpdatesPerSecond: 0, historyMs: 5_000 })
  const kept = new Kept()
  const before = await start(kept, false, ['1m'])
  await fake.clock.advance(90_000)
  before.kill()
  await stop(before.collector)
  kept.candles.clear()
  const after = await start(kept, false, ['5m'])
  await fake.clock.advance(5 * MINUTE_MS)
  expect([...kept.candles.values()][0]).toMatchObject({ timeframe: '5m', complete: false, incompleteReason: 'before-start' })
  expect(after.collector.getStatus().statistics.errors).toBe(0)
  await stop(after.collector)
})

const HOUR_MS = 60 * MINUTE_MS

test.each([
  ['while it runs', 2 * HOUR_MS],
  ['while it runs', -2 * HOUR_MS],
  ['between two processes', 2 * HOUR_MS],
  ['between two processes', -2 * HOUR_MS],
  ['between two processes', 30 * HOUR_MS],
] as const)('the wall clock is set %s by %i ms: a hole of seconds is filled, and open candles go on', async (when, stepMs) => {
  fake = createVirtualExchange({ instruments: [BTC], tradesPerSecond: 2, bookUpdatesPerSecond: 0, historyMs: 5_000 })
  const kept = new Kept()
  let running = await start(kept, false)
  const from = fake.clock.now()
  await fake.clock.advance(90_000)
  if (when === 'while it runs') fake.clock.stepWall(stepMs)
  await fake.clock.advance(10_000)
  running.kill()
  await stop(running.collector)
  await fake.clock.advance(20_000)
  if (when === 'between two processes') fake.clock.stepWall(stepMs)
  running = await start(kept, false)
  const gaps: string[] = []
  running.collector.on('gap', ({ reason }) => gaps.push(reason))
  await fake.clock.advance(3 * MINUTE_MS)
  expect(gaps).toEqual([])
  await expectExact(kept, from, from + 5 * MINUTE_MS - 3_000, false)
  await stop(running.collector)
})

test.each([
  ['is right', 0, false],
  ['was set back', -2 * HOUR_MS, false],
  ['was set back', -2 * HOUR_MS, true],
])(
  'away for longer than is read again, and the wall clock %s (%i ms): candles begin anew',
  async (_name, stepMs, completeSeries) => {
    fake = createVirtualExchange({ instruments: [BTC], tradesPerSecond: 2, bookUpdatesPerSecond: 0, historyMs: 5_000 })
    const kept = new Kept()
    let running = await start(kept, completeSeries, ['1m'])
    await fake.clock.advance(100_000)
    running.kill()
    await stop(running.collector)
    await fake.clock.advance(2 * HOUR_MS)
    const began = fake.clock.now()
    fake.clock.stepWall(stepMs)
    kept.candles.clear()
    running = await start(kept, completeSeries, ['1m'])
    await fake.clock.advance(5 * MINUTE_MS)
    await stop(running.collector)
    const told = [...kept.candles.values()].sort((a, b) => a.openTime - b.openTime)
    // What is read of the time before is of use to nobody's state; what comes after is whole.
    expect(told.map(({ complete }) => complete)).toEqual(told.map(({ openTime }) => openTime > began))
    expect(told.filter(({ complete }) => complete).length).toBeGreaterThanOrEqual(4)
    expect(new Set(told.map(({ openTime }) => openTime)).size).toBe(told.length)
  },
)
