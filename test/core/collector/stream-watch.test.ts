import { describe, expect, test } from 'vitest'
import { StreamWatch, type StaleFinding, type StreamWatchOptions } from '../../../src/core/collector/stream-watch.ts'
import { momentOf } from '../../../src/ports/clock.ts'
import type { Random } from '../../../src/ports/random.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { ScriptedMarket, tradeAt, type MarketSettings } from './scripted-market.ts'
import { eachSeed } from '../../support/runs.ts'

const SIZES = { quick: 150, deep: 1_200 }

const MINUTE_MS = 60_000
const GOOD_REST = { delayMs: 100, lagMs: 0, failing: 0 }
const GOOD: MarketSettings = { isTrades: true, maxSilenceMs: 300_000, rest: GOOD_REST, random: () => 0.5 }

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!

/** Any market, any REST. After a reconnect REST may lag by less than the least suspicion, which is 3 s; see docs/supervision.md. */
function anySettings(random: Random, failing: readonly number[]): MarketSettings {
  return {
    isTrades: random() < 0.6,
    maxSilenceMs: pick(random, [20_000, 60_000, 300_000]),
    rest: { delayMs: pick(random, [20, 300, 8_000]), lagMs: pick(random, [0, 400, 2_500]), failing: pick(random, failing) },
    random,
  }
}

/** Phases of any pace: dead, slow, busy, in bursts. */
async function anyTrading(market: ScriptedMarket, random: Random, phases: number): Promise<void> {
  for (let i = 0; i < phases; i++) {
    const perSecond = pick(random, [0, 0.02, 0.1, 0.5, 2, 5])
    const durationMs = Math.floor(2_000 + random() * (perSecond >= 2 ? 20_000 : 90_000))
    await market.trades(durationMs, perSecond, pick(random, [1, 1, 20]))
  }
}

/** Nothing of the watch is left, and nothing comes of what was under way. */
async function expectQuietAfterInterruption(market: ScriptedMarket): Promise<void> {
  await market.clock.advance(1_000) // what is on its way arrives
  market.interrupt()
  const found = market.found.length
  expect(market.clock.pending).toBe(market.restPending)
  await market.clock.advance(10 * MINUTE_MS)
  expect([market.clock.pending, market.restPending, market.found.length]).toEqual([0, 0, found])
}

describe('a stream that brings everything', () => {
  test('is never called stale by its market, however that trades and whatever REST says', () =>
    eachSeed(SIZES, async (seed) => {
      const random = seededRandom(`all ${seed}`)
      const settings = anySettings(random, [0, 0, 0.3, 1])
      const market = new ScriptedMarket(settings)
      if (random() < 0.5) await anyTrading(market, random, 1)
      market.confirm()
      for (let connection = Math.floor(random() * 3); connection >= 0; connection--) {
        await anyTrading(market, random, 1 + Math.floor(random() * 3))
        if (connection === 0) continue
        market.interrupt()
        await anyTrading(market, random, 1)
        market.confirm()
      }
      const ofMarket = market.found.filter(({ most }) => most !== 'resubscribe')
      expect(ofMarket).toEqual([])
      // The hard limit counts where REST cannot tell, and only there.
      if (settings.rest.failing === 0) expect(market.found).toEqual([])
      for (const { silenceMs } of market.found) expect(silenceMs).toBeGreaterThanOrEqual(settings.maxSilenceMs)
      expect(market.probes).toBeLessThanOrEqual(1 + market.now / 1_800)
      await expectQuietAfterInterruption(market)
    }))
})

describe('a stream that stops while its market trades', () => {
  test('is found, within a bound that follows from its rhythm', () =>
    eachSeed(SIZES, async (seed) => {
      const random = seededRandom(`stops ${seed}`)
      const settings = anySettings(random, [0, 0, 0.3, 1])
      const { rest, isTrades, maxSilenceMs } = settings
      const market = new ScriptedMarket(settings)
      market.confirm()
      await anyTrading(market, random, Math.floor(random() * 3))
      const perSecond = pick(random, [0.2, 1, 5])
      await market.trades(random() * 15_000, perSecond)
      market.delivers = false
      await market.clock.advance(500) // the last one arrives
      const before = market.found.length
      const stoppedAt = market.now

      // What is silent for longer than this is suspicious.
      const isSettled = isTrades || market.arrivals > 10
      const { intervalMs } = market.watch
      const byRhythmMs =
        intervalMs === undefined ? (isTrades ? 120_000 : 10_000) : Math.max(isTrades ? 3_000 : 10_000, 15 * intervalMs)
      const suspicionMs = Math.min(maxSilenceMs, isSettled ? byRhythmMs : maxSilenceMs)
      // REST shows a trade that is new: so long after one was made. Ten average gaps, once in 20,000 longer.
      const shownMs = rest.lagMs + 10_000 / perSecond
      const boundMs =
        rest.failing === 0
          ? 2.5 * Math.max(suspicionMs, 5_000, shownMs) + 5_000 + 4 * rest.delayMs
          : Math.max(3.3 * maxSilenceMs, 2.5 * shownMs) + 5_000 + 4 * rest.delayMs
      const limit = stoppedAt + boundMs
      while (market.found.length === before && market.now < limit) await market.trades(2_000, perSecond)
      expect(market.found.length, `not within ${boundMs} ms`).toBeGreaterThan(before)
      expect(market.watch.isStale).toBe(true)

      // And it is told when it comes back.
      market.delivers = true
      market.trade()
      await market.clock.advance(1_000)
      expect([market.watch.isStale, market.recovered > 0]).toEqual([false, true])
      await expectQuietAfterInterruption(market)
    }))
})

describe('questions to REST', () => {
  test('in a quiet market: ever fewer, and one per maxSilenceDuration in the end', () =>
    eachSeed({ quick: 15, deep: 60 }, async (seed) => {
      const random = seededRandom(`quiet ${seed}`)
      const maxSilenceMs = pick(random, [20_000, 60_000, 300_000])
      const market = new ScriptedMarket({ ...GOOD, maxSilenceMs, random })
      market.confirm()
      await market.trades(random() * 20_000, pick(random, [0, 1, 5]))
      const before = market.probes
      await market.clock.advance(3 * 60 * MINUTE_MS)
      // From 3 s it takes seven doublings to 300 s.
      expect(market.probes - before).toBeLessThanOrEqual(10 + (3 * 60 * MINUTE_MS) / (0.9 * maxSilenceMs))
      expect(market.found).toEqual([])
      market.interrupt()
    }))

  test('streams that fall silent together do not go on asking together', async () => {
    const times: number[] = []
    for (const seed of [1, 2]) {
      const market = new ScriptedMarket({ ...GOOD, random: seededRandom(seed) })
      market.confirm()
      const asked = market.probes
      for (let i = 0; i < 12_000 && market.probes < asked + 4; i++) await market.clock.advance(100)
      times.push(market.now)
      market.interrupt()
    }
    expect(times[0]).not.toBe(times[1])
  })

  test('data that comes while REST is asked makes its answer worthless', async () => {
    const market = new ScriptedMarket({ ...GOOD, rest: { ...GOOD_REST, delayMs: 16_000 }, random: () => 0.5 })
    market.confirm()
    market.trade()
    await market.clock.advance(91_000)
    expect([market.probes, market.restPending]).toEqual([1, 1])
    market.trade()
    await market.clock.advance(20_000)
    expect(market.found).toEqual([])
    market.interrupt()
  })
})

describe('thresholds', () => {
  interface Changes {
    readonly isTrades?: boolean
    readonly maxSilenceMs?: number
    readonly latestTrade?: StreamWatchOptions['latestTrade']
    readonly onRecovered?: () => void
  }
  interface Case {
    readonly isTrades?: boolean
    /** Data every so often for a minute, and then none, while the market goes on trading every second. */
    readonly everyMs?: number
    readonly maxSilenceMs?: number
    readonly from: number
    readonly to: number
  }
  const cases: readonly (readonly [string, Case])[] = [
    ['trades at 20 a second: 3 s, and a second for what is on its way', { everyMs: 50, from: 4_000, to: 6_500 }],
    ['a trade a second: 15 average gaps', { everyMs: 1_000, from: 15_000, to: 18_000 }],
    ['no trade yet: one to two minutes, and as long again to the second look', { from: 180_000, to: 190_000 }],
    ['never later than maxSilenceDuration', { everyMs: 20_000, maxSilenceMs: 40_000, from: 40_000, to: 42_000 }],
    ['a ticker at 10 a second: 10 s, and a second look', { isTrades: false, everyMs: 100, from: 12_500, to: 15_000 }],
    ['a ticker that has no rhythm yet: maxSilenceDuration', { isTrades: false, maxSilenceMs: 60_000, from: 61_500, to: 64_000 }],
  ]
  test.each(cases)('%s', async (_name, { isTrades = true, everyMs, maxSilenceMs = 300_000, from, to }) => {
    const { clock, watch, found, trade } = steady({ isTrades, maxSilenceMs })
    watch.confirmed(momentOf(clock))
    for (let passed = 0; everyMs !== undefined && passed < MINUTE_MS; passed += everyMs) {
      await clock.advance(everyMs)
      trade(true)
    }
    const stoppedAt = clock.now()
    while (found.length === 0 && clock.now() < stoppedAt + 2 * to) {
      await clock.advance(500)
      trade(false)
    }
    const [finding] = found
    expect(finding?.most).toBe(isTrades ? 'restart' : 'reconnect')
    expect(finding?.reason).toMatch(/^no data for [\d.]+ s while its market trades$/)
    expect(finding?.silenceMs).toBeGreaterThanOrEqual(from)
    expect(finding?.silenceMs).toBeLessThanOrEqual(to)
    watch.interrupted()
    expect(clock.pending).toBe(0)
  })

  test('where nobody can be asked, maxSilenceDuration alone: and then as much as it takes', async () => {
    const { clock, watch, found } = steady({ latestTrade: undefined, maxSilenceMs: 30_000 })
    watch.confirmed(momentOf(clock))
    await clock.advance(29_999)
    expect(found).toEqual([])
    await clock.advance(1)
    expect(found).toMatchObject([{ most: 'restart', silenceMs: 30_000, reason: 'no data for 30.0 s' }])
    watch.interrupted()
  })

  test('where REST cannot tell, maxSilenceDuration: and then to subscribe again, no more', async () => {
    const { clock, watch, found } = steady({ latestTrade: () => Promise.reject(new Error('no')), maxSilenceMs: 30_000 })
    watch.confirmed(momentOf(clock))
    await clock.advance(29_999)
    expect(found).toEqual([])
    await clock.advance(33_000)
    expect(found[0]).toMatchObject({ most: 'resubscribe' })
    await clock.advance(10 * 30_000)
    // Once per maxSilenceDuration of these 363 s.
    expect(found.length).toBeLessThanOrEqual(12)
    watch.interrupted()
    expect(clock.pending).toBe(0)
  })

  test('a market that never traded is quiet; its first trade that does not come is news', async () => {
    const market: { tradedAt?: number } = {}
    const { clock, watch, found } = steady({
      latestTrade: () => Promise.resolve(market.tradedAt === undefined ? undefined : tradeAt(market.tradedAt)),
    })
    watch.confirmed(momentOf(clock))
    await clock.advance(60 * MINUTE_MS)
    expect(found).toEqual([])
    market.tradedAt = clock.now()
    await clock.advance(6 * MINUTE_MS)
    expect(found).toMatchObject([{ most: 'restart' }])
    watch.interrupted()
  })

  test('says how long data had come since the last repair', async () => {
    const { clock, watch, found, trade } = steady({})
    watch.confirmed(momentOf(clock))
    for (let i = 0; i <= 20; i++) {
      trade(true)
      await clock.advance(1_000)
    }
    for (let i = 0; i < 30 && found.length === 0; i++) {
      trade(false)
      await clock.advance(1_000)
    }
    expect(found).toMatchObject([{ flowedMs: 20_000 }])
    trade(true)
    await clock.advance(1_000)
    watch.interrupted()
  })

  test('a market that has gone quiet after the repair: not stale any more, as far as anybody can tell', async () => {
    const recovered: number[] = []
    const { clock, watch, found, trade } = steady({ onRecovered: () => void recovered.push(1) })
    watch.confirmed(momentOf(clock))
    for (let i = 0; i < 40; i++) {
      trade(i < 10)
      await clock.advance(3_000)
    }
    expect([found.length > 0, watch.isStale]).toEqual([true, true])
    await clock.advance(10 * MINUTE_MS)
    expect(watch.isStale).toBe(true)
    watch.repaired()
    await clock.advance(10 * MINUTE_MS)
    expect([watch.isStale, recovered]).toEqual([false, [1]])
    watch.interrupted()
  })

  test('a row of several fills with the time of the first and the id of the last is the latest trade all the same', async () => {
    const id = '77'
    let now = 0
    const { clock, watch, found } = steady({ latestTrade: () => Promise.resolve(tradeAt(now + 40, id)) })
    now = clock.now()
    watch.confirmed(momentOf(clock))
    watch.data(momentOf(clock), tradeAt(now, id))
    await clock.advance(60 * MINUTE_MS)
    expect(found).toEqual([])
    watch.interrupted()
  })

  test.each([
    ['the last trade that came is stamped an hour ahead', 3_600_000],
    ['the time of the exchange goes back by an hour', 0],
  ])('%s: what stops is found all the same', async (_name, aheadMs) => {
    let latest = tradeAt(0, '0')
    const { clock, watch, found } = steady({ latestTrade: () => Promise.resolve(latest) })
    watch.confirmed(momentOf(clock))
    for (let id = 1; id <= 100; id++) {
      await clock.advance(100)
      latest = tradeAt(clock.now() + (id === 100 ? aheadMs : 0), String(id))
      watch.data(momentOf(clock), latest)
    }
    for (let id = 101; found.length === 0 && id < 200; id++) {
      await clock.advance(100)
      latest = tradeAt(clock.now() - 3_600_000, String(id))
    }
    expect(found).toMatchObject([{ most: 'restart' }])
    watch.interrupted()
  })

  test('nothing is said of a stream that is not confirmed', async () => {
    const { clock, watch, trade } = steady({})
    watch.confirmed(momentOf(clock))
    trade(true)
    await clock.advance(2_000)
    expect([watch.silenceMs(), watch.confirmedAt?.elapsed]).toEqual([2_000, 0])
    watch.interrupted()
    expect([watch.silenceMs(), watch.confirmedAt]).toEqual([undefined, undefined])
  })

  test('a question that hangs since before the connection was lost does not keep the next one from being asked', async () => {
    const market = { isHanging: true }
    let tradedAt = 0
    const hang = new Promise<undefined>(() => undefined)
    const { clock, watch, found } = steady({
      latestTrade: () => (market.isHanging ? hang : Promise.resolve(tradeAt(tradedAt))),
    })
    watch.confirmed(momentOf(clock))
    await clock.advance(3 * MINUTE_MS)
    watch.interrupted()
    market.isHanging = false
    watch.confirmed(momentOf(clock))
    for (let second = 0; found.length === 0 && second < 600; second++) {
      tradedAt = clock.now()
      await clock.advance(1_000)
    }
    expect(found).toMatchObject([{ most: 'restart' }])
    watch.interrupted()
  })

  test('REST that cannot tell does not make a repaired stream a quiet one', async () => {
    let answers = Infinity
    let tradedAt = 0
    const latestTrade = () => (answers-- > 0 ? Promise.resolve(tradeAt(tradedAt)) : Promise.reject(new Error('no')))
    const { clock, watch, found } = steady({ latestTrade })
    watch.confirmed(momentOf(clock))
    for (let i = 0; i < 10; i++) {
      tradedAt = clock.now()
      watch.data(momentOf(clock), tradeAt(tradedAt))
      await clock.advance(1_000)
    }
    for (let second = 0; found.length === 0 && second < 60; second++) {
      tradedAt = clock.now()
      await clock.advance(1_000)
    }
    watch.repaired()
    // One answer, with which later ones could be compared, and then none.
    answers = 1
    await clock.advance(2 * MINUTE_MS)
    expect([found.length, answers < 0, watch.isStale]).toEqual([1, true, true])
    watch.interrupted()
  })

  test('what flowed before a repair is told once', async () => {
    const { clock, watch, found, trade } = steady({})
    watch.confirmed(momentOf(clock))
    for (let i = 0; i <= 70; i++) {
      trade(i <= 20)
      await clock.advance(1_000)
    }
    expect(found.map(({ flowedMs }) => flowedMs).slice(0, 2)).toEqual([20_000, 0])
    watch.interrupted()
  })

  /** A market that trades when told to; REST answers at once, the stream too. */
  function steady({ maxSilenceMs = 300_000, isTrades = true, ...rest }: Changes) {
    const clock = createVirtualClock()
    const found: StaleFinding[] = []
    let tradedAt = clock.now() - MINUTE_MS
    const watch = new StreamWatch({
      isTrades,
      clock,
      random: () => 0.5,
      latestTrade: () => Promise.resolve(tradeAt(tradedAt)),
      onStale: (finding) => found.push(finding),
      onRecovered: () => undefined,
      ...rest,
      maxSilenceMs: () => maxSilenceMs,
    })
    const trade = (isDelivered: boolean): void => {
      tradedAt = clock.now()
      if (isDelivered) watch.data(momentOf(clock), isTrades ? tradeAt(tradedAt) : undefined)
    }
    return { clock, watch, found, trade }
  }
})
