import { afterEach, describe, expect, test } from 'vitest'
import {
  aggregateTrades,
  createOkxCollector,
  silentLogger,
  TIMEFRAMES,
  type OhlcvData,
  type OkxCollector,
  type OkxCollectorConfig,
} from 'tapekeeper'
import { createVirtualExchange, seededRandom, type FakeFill, type VirtualExchange, type VirtualOptions } from 'tapekeeper/testing'
import { inVirtualTime } from '../support/virtual-time.ts'
import { seeds, size } from '../support/runs.ts'

// Candles of whole collectors against the fake exchange, in virtual time: what comes out is what its own fills give.

const BTC = 'BTC-USDT'
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

let fake: VirtualExchange
let collector: OkxCollector
/** Everything that was said to be complete when it was said. */
let claimed: OhlcvData[]

async function running(
  options: VirtualOptions,
  config: Partial<OkxCollectorConfig> = {},
  prepare: () => void = () => undefined,
): Promise<Map<string, OhlcvData>> {
  fake = createVirtualExchange({
    seed: 9,
    instruments: [BTC],
    tradesPerSecond: 2,
    bookUpdatesPerSecond: 0,
    historyMs: 5_000,
    ...options,
  })
  collector = createOkxCollector({
    symbol: BTC,
    dataTypes: ['candle'],
    candles: { timeframes: TIMEFRAMES },
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: silentLogger,
    ...config,
  })
  prepare()
  claimed = []
  const latest = new Map<string, OhlcvData>()
  collector.addDataCallback('candle', ({ data }) => {
    if (data.status === 'open') return
    latest.set(`${data.timeframe} ${data.openTime}`, data)
    if (data.complete) claimed.push(data)
  })
  expect(await inVirtualTime(fake.clock, collector.start())).toBe(true)
  return latest
}

/** What the exchange's own fills give. */
async function expected(fills: readonly FakeFill[], completeSeries = false): Promise<Map<string, OhlcvData>> {
  const trades = fills.map(({ id, price, size, side, timestamp }) => ({ id, price, size, side, timestamp }))
  const candles = new Map<string, OhlcvData>()
  for await (const candle of aggregateTrades(trades, { exchange: 'okx', symbol: BTC, timeframes: TIMEFRAMES, completeSeries }))
    candles.set(`${candle.timeframe} ${candle.openTime}`, candle)
  return candles
}

const shown = (candle: OhlcvData | undefined) => candle && JSON.stringify({ ...candle, status: 'closed' })

/** Every candle that the collector saw from its beginning to its end is what the fills give, and none is missing. */
async function expectExact(latest: Map<string, OhlcvData>, from: number, to: number): Promise<number> {
  const wanted = [...(await expected(fake.trades(BTC)))].filter(
    ([, { openTime, closeTime }]) => openTime >= from && closeTime <= to,
  )
  for (const [key, candle] of wanted) expect(shown(latest.get(key)), key).toBe(shown(candle))
  return wanted.length
}

/** `complete` is never said of a candle that lacks anything, not even for a moment. */
async function expectHonest(): Promise<void> {
  const truth = await expected(fake.trades(BTC))
  const shownTruth = new Map([...truth].map(([key, candle]) => [key, shown(candle)]))
  const lies = claimed.filter((candle) => shown(candle) !== shownTruth.get(`${candle.timeframe} ${candle.openTime}`))
  expect(lies).toEqual([])
}

afterEach(async () => {
  await inVirtualTime(fake.clock, collector.stop())
  await fake.close()
  expect(fake.clock.pending).toBe(0)
})

describe('candles made of trades', () => {
  test('all eleven timeframes, exact, alone: no trade is delivered that nobody asked for', async () => {
    const latest = await running({})
    const from = fake.clock.now()
    let trades = 0
    collector.addDataCallback('trade', () => trades++)
    await fake.clock.advance(2 * HOUR_MS)
    expect(await expectExact(latest, from, fake.clock.now() - 2_000)).toBeGreaterThan(5_000)
    expect(trades).toBe(0)
    expect([...latest.values()].filter(({ status }) => status === 'revised')).toEqual([])
    expect(collector.getStatus().subscriptions).toMatchObject([{ dataType: 'trade', status: 'confirmed' }])
  })

  test('what opened before the collector heard anything is incomplete, and says so', async () => {
    const latest = await running({})
    const from = fake.clock.now()
    await fake.clock.advance(2 * MINUTE_MS)
    const first = [...latest.values()].filter(({ openTime }) => openTime < from)
    expect(first.length).toBeGreaterThan(0)
    for (const candle of first) expect(candle).toMatchObject({ complete: false, incompleteReason: 'before-start' })
    for (const candle of latest.values()) if (candle.openTime >= from) expect(candle.complete).toBe(true)
  })

  test('closed by the clock in a quiet market; the complete series stands at the last price, from the beginning', async () => {
    const latest = await running(
      { tradesPerSecond: 5, historyMs: MINUTE_MS },
      { candles: { timeframes: ['1s', '1m'], completeSeries: true } },
      () => fake.setTradesPerSecond(BTC, 0),
    )
    await fake.clock.advance(3 * MINUTE_MS)
    const price = fake.trades(BTC).at(-1)?.price
    const minutes = [...latest.values()].filter(({ timeframe }) => timeframe === '1m')
    expect(minutes.length).toBeGreaterThanOrEqual(2)
    for (const { open, close, volume, tradesCount } of latest.values())
      expect([open.toString(), close.toString(), volume.toString(), tradesCount]).toEqual([
        String(Number(price)),
        String(Number(price)),
        '0',
        0,
      ])
  })

  test('open candles, throttled', async () => {
    await running(
      { tradesPerSecond: 20 },
      { dataTypes: ['trade', 'candle'], candles: { timeframes: ['1m'], updateIntervalMs: 5_000 } },
    )
    const at: number[] = []
    collector.addDataCallback('candle', ({ data, receivedAt }) => {
      if (data.status === 'open') at.push(receivedAt)
    })
    await fake.clock.advance(MINUTE_MS)
    expect(at.length).toBeGreaterThanOrEqual(10)
    expect(at.length).toBeLessThanOrEqual(13)
  })

  test('a day (or a sixth of one) with disconnects again and again, all holes filled: the candles of the undisturbed tape', async () => {
    const latest = await running({ tradesPerSecond: 0.5 })
    const from = fake.clock.now()
    const random = seededRandom(`disconnects ${seeds({ quick: 1, deep: 1 })[0]}`)
    const times = size({ quick: 16, deep: 50 })
    for (let i = 0; i < times; i++) {
      await fake.clock.advance(Math.floor(random() * 2 * 14 * MINUTE_MS))
      if (random() < 0.5) fake.refuse({ status: 503, forMs: Math.floor(random() * MINUTE_MS) })
      fake.drop()
    }
    await fake.clock.advance(10 * MINUTE_MS)
    expect(fake.clock.now() - from).toBeGreaterThan(0.2 * times * HOUR_MS)
    expect(await expectExact(latest, from, fake.clock.now() - 2 * MINUTE_MS)).toBeGreaterThan(300 * times)
    expect([...latest.values()].filter(({ openTime, complete }) => openTime >= from && !complete)).toEqual([])
    await expectHonest()
  })

  test('holes behind holes and a slow REST: what is called complete is, at every moment', async () => {
    // Long enough for a later trade to show that one is missing: before that nobody can know.
    const candles = { timeframes: TIMEFRAMES, allowedLatenessMs: 5_000 }
    const latest = await running({ tradesPerSecond: 8 }, { candles })
    const from = fake.clock.now()
    const random = seededRandom('holes')
    for (let i = 0; i < 150; i++) {
      fake.restDelay(Math.floor(random() * 3_000))
      fake.skip(BTC, 1 + Math.floor(random() * 4))
      await fake.clock.advance(Math.floor(random() * 4_000))
    }
    fake.heal()
    await fake.clock.advance(MINUTE_MS)
    await expectExact(latest, from, fake.clock.now() - 10_000)
    await expectHonest()
  })

  test('a slow clock of ours does not make the first candles complete', async () => {
    const fresh = createVirtualExchange({
      seed: 3,
      instruments: [BTC],
      tradesPerSecond: 20,
      bookUpdatesPerSecond: 0,
      historyMs: 5_000,
    })
    const slowMs = 3_000
    const clock = { ...fresh.clock, now: () => fresh.clock.now() - slowMs }
    const late = createOkxCollector({
      symbol: BTC,
      dataTypes: ['candle'],
      candles: { timeframes: ['1s', '5s'] },
      endpoints: fresh.endpoints,
      ports: { ...fresh.ports, clock },
      logger: silentLogger,
    })
    const seen: OhlcvData[] = []
    late.addDataCallback('candle', ({ data }) => {
      if (data.status !== 'open' && data.complete) seen.push(data)
    })
    await inVirtualTime(fresh.clock, late.start())
    await fresh.clock.advance(20_000)
    const truth = await expected(fresh.trades(BTC))
    expect(seen.length).toBeGreaterThan(10)
    for (const candle of seen) expect(shown(candle)).toBe(shown(truth.get(`${candle.timeframe} ${candle.openTime}`)))
    await inVirtualTime(fresh.clock, late.stop())
    await fresh.close()
    await running({})
  })

  test.each([-HOUR_MS, HOUR_MS])('our clock is set by %i ms: nothing closes early, late or twice', async (stepMs) => {
    let stepped = 0
    const late: number[] = []
    const latest = await running({ tradesPerSecond: 5 }, {}, () =>
      collector.addDataCallback('candle', ({ data, receivedAt }) => {
        if (data.status !== 'open') late.push(receivedAt - stepped - data.closeTime)
      }),
    )
    const from = fake.clock.now()
    await fake.clock.advance(10_000)
    fake.clock.stepWall((stepped = stepMs))
    await fake.clock.advance(3 * MINUTE_MS)
    expect(await expectExact(latest, from, fake.clock.now() - stepped - 2_000)).toBeGreaterThan(150)
    expect([...latest.values()].filter(({ status }) => status === 'revised')).toEqual([])
    expect(Math.min(...late)).toBeGreaterThanOrEqual(900)
    expect(Math.max(...late)).toBeLessThanOrEqual(1_300)
  })

  test('of a hot pair one socket may be lost: nothing is doubted', async () => {
    await running({ tradesPerSecond: 0.2 }, { redundancy: 2, candles: { timeframes: ['1s'], completeSeries: true } })
    await fake.clock.advance(10_000)
    const doubted: (string | undefined)[] = []
    collector.addDataCallback('candle', ({ data }) => {
      if (!data.complete && data.status !== 'open') doubted.push(data.incompleteReason)
    })
    const [first] = fake.connections
    first?.terminate()
    await fake.clock.advance(30_000)
    expect(doubted).toEqual([])
  })

  test('a gap marks what it touches, and its filling takes that back', async () => {
    const latest = await running({ tradesPerSecond: 5 })
    const from = fake.clock.now()
    await fake.clock.advance(MINUTE_MS)
    fake.failRest()
    fake.refuse({ status: 503, forMs: 20_000 })
    fake.drop()
    await fake.clock.advance(2 * MINUTE_MS)
    const touched = [...latest.values()].filter(({ openTime, complete }) => openTime >= from && !complete)
    expect(touched.length).toBeGreaterThan(10)
    expect(touched.some(({ incompleteReason }) => incompleteReason === 'rest-failed')).toBe(true)
    fake.healRest()
    await fake.clock.advance(30 * MINUTE_MS)
    expect([...latest.values()].filter(({ openTime, complete }) => openTime >= from && !complete)).toEqual([])
    await expectExact(latest, from, fake.clock.now() - MINUTE_MS)
  })

  test('a restart in mid-candle goes on; a stop and a start begin anew', async () => {
    const latest = await running({ tradesPerSecond: 5 })
    const from = fake.clock.now()
    await fake.clock.advance(90_500)
    await inVirtualTime(fake.clock, collector.restart())
    await fake.clock.advance(3 * MINUTE_MS)
    await expectExact(latest, from, fake.clock.now() - MINUTE_MS)
    expect([...latest.values()].filter(({ openTime, complete }) => openTime >= from && !complete)).toEqual([])
    await inVirtualTime(fake.clock, collector.stop())
    await fake.clock.advance(10_000)
    await inVirtualTime(fake.clock, collector.start())
    const again = fake.clock.now()
    await fake.clock.advance(3 * MINUTE_MS)
    await expectExact(latest, again, fake.clock.now() - MINUTE_MS)
  })
})

describe('ids begin anew, and the collector is stopped while that is in doubt', () => {
  const SECOND = 1_000

  test.each([
    ['one newcomer, stopped at once', 1, 50],
    ['one newcomer, stopped when its second has closed', 1, 2_500],
    ['two newcomers, stopped later', 2, 7_000],
    ['three that follow each other, stopped at once', 3, 50],
    ['three, and the second ends before they are believed', 3, 800],
  ])('%s: no candle of that time is complete that lacks one of them', async (_name, newcomers, stopAfterMs) => {
    const latest = await running(
      { tradesPerSecond: 0 },
      { candles: { timeframes: ['1s', '5s'], completeSeries: true, allowedLatenessMs: 100 } },
    )
    const { clock } = fake
    fake.failRest()
    const sent = new Map<string, number>()
    const push = (id: number): void => {
      const ts = clock.now()
      for (const lengthMs of [SECOND, 5 * SECOND]) {
        const key = `${lengthMs / SECOND}s ${Math.floor(ts / lengthMs) * lengthMs}`
        sent.set(key, (sent.get(key) ?? 0) + 1)
      }
      const row = { instId: BTC, tradeId: String(id), px: '100', sz: '1', side: 'buy', ts: String(ts), count: '1', source: '0' }
      fake.broadcast(JSON.stringify({ arg: { channel: 'trades', instId: BTC }, data: [{ ...row, seqId: id }] }))
    }
    await clock.advance(SECOND - (clock.now() % SECOND))
    for (let id = 1_000; id < 1_030; id++) {
      push(id)
      await clock.advance(200)
    }
    const doubtful = `1s ${Math.floor(clock.now() / SECOND) * SECOND}`
    await clock.advance(300)
    for (let id = 5; id < 5 + newcomers; id++) {
      push(id)
      await clock.advance(100)
    }
    await clock.advance(stopAfterMs)
    await inVirtualTime(clock, collector.stop())
    const lies = claimed.filter(
      ({ timeframe, openTime, tradesCount }) => tradesCount !== (sent.get(`${timeframe} ${openTime}`) ?? 0),
    )
    expect(lies).toEqual([])
    expect(claimed.length).toBeGreaterThan(4)
    // Its second had closed by then, or it is never told.
    expect(latest.get(doubtful)?.complete).toBe(stopAfterMs < 500 ? undefined : false)
  })
})

test("cross-check: the exchange's own candles agree, but for the one that began before us", async () => {
  const latest = await running({ tradesPerSecond: 5 }, { candles: { timeframes: ['1m', '5m'], crossCheck: true } })
  const mismatches: unknown[] = []
  collector.on('candleMismatch', (mismatch) => mismatches.push(mismatch))
  await fake.clock.advance(21 * MINUTE_MS)
  expect(latest.size).toBeGreaterThan(20)
  expect([...latest.values()].every(({ source }) => source === 'trades')).toBe(true)
  expect(mismatches).toEqual([])
})

test.each([
  ['linear', 'BTC-USDT-PERP', 'BTC-USDT-SWAP'],
  ['inverse', 'BTC-USD-PERP', 'BTC-USD-SWAP'],
])(
  'cross-check of %s contracts: candles of trades have the quote volume that the exchange tells',
  async (_kind, symbol, native) => {
    const mismatches: unknown[] = []
    const latest = await running(
      { instruments: [native], tradesPerSecond: 5 },
      { symbol, candles: { timeframes: ['1s', '1m'], crossCheck: true } },
      () => collector.on('candleMismatch', (mismatch) => mismatches.push(mismatch)),
    )
    await fake.clock.advance(5 * MINUTE_MS)
    expect(latest.size).toBeGreaterThan(200)
    for (const { quoteVolume, volume, high, low } of latest.values()) {
      const perContract = quoteVolume?.div(volume).toNumber() ?? NaN
      if (symbol === 'BTC-USD-PERP') expect(perContract).toBe(100)
      else expect(perContract).toBeGreaterThanOrEqual(low.toNumber() * 0.01 * 0.999999)
      if (symbol === 'BTC-USDT-PERP') expect(perContract).toBeLessThanOrEqual(high.toNumber() * 0.01 * 1.000001)
    }
    expect(mismatches).toEqual([])
  },
)

test("the exchange's own candles, as they come", async () => {
  const latest = await running({ tradesPerSecond: 5 }, { candles: { timeframes: ['1m', '3m'], source: 'exchange' } })
  await fake.clock.advance(7 * MINUTE_MS)
  expect(new Set([...latest.values()].map(({ source, timeframe }) => `${source} ${timeframe}`))).toEqual(
    new Set(['exchange 1m', 'exchange 3m']),
  )
})
