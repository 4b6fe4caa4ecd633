import { createVirtualClock, seededRandom } from 'tapekeeper/testing'
import { describe, expect, test } from 'vitest'
import { CandleFeed, type CandleFeedOptions } from '../../../src/core/collector/candle-feed.ts'
import type { OhlcvData, PointOf } from '../../../src/domain/market-data.ts'
import { asDecimal } from '../../support/decimals.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

interface Fill {
  readonly id: number
  /** When it was really traded, whatever its stamp says. */
  readonly time: number
}

/** An exchange with a clock of its own, a stream of its trades, and the candles of a feed that hears it. */
function world(options: Partial<CandleFeedOptions> & { readonly aheadMs?: number } = {}) {
  const clock = createVirtualClock()
  const start = clock.now() + (options.aheadMs ?? 0)
  let step = 0
  const now = (): number => start + step + clock.elapsed()
  const truth: Fill[] = []
  const told: (OhlcvData & { readonly at: number })[] = []
  let isWhole = true
  const feed = new CandleFeed({
    exchange: 'test',
    symbol: 'ABC-USD',
    instrument: undefined,
    timeframes: ['1s', '1m'],
    completeSeries: false,
    allowedLatenessMs: SECOND,
    reviseWithinMs: HOUR,
    updateIntervalMs: 0,
    clock,
    isWhole: () => isWhole,
    latestTrade: () => Promise.resolve(undefined),
    serverTime: () => Promise.reject(new Error('cannot tell')),
    onCandle: (candle) => void told.push({ ...candle, at: now() }),
    ...options,
  })
  let id = 0
  const trade = ({ stampMs = 0, backfilled = false, isHeard = true } = {}): void => {
    const time = now()
    truth.push({ id: ++id, time })
    if (!isHeard) return
    const data = { id: String(id), price: asDecimal('10'), size: asDecimal('1'), side: 'buy', backfilled } as const
    const point: PointOf<'trade'> = {
      ...{ exchange: 'test', symbol: 'ABC-USD', dataType: 'trade', data },
      timestamp: time + stampMs,
      receivedAt: clock.now(),
    }
    feed.pushed(point)
    feed.trade(point)
  }
  /** Trades for a while, one each 250 ms. */
  const market = async (forMs: number): Promise<void> => {
    for (let at = 0; at < forMs; at += 250) {
      await clock.advance(250)
      trade()
    }
  }
  const finals = (): OhlcvData[] => [
    ...new Map(told.map((candle) => [`${candle.timeframe} ${candle.openTime}`, candle])).values(),
  ]
  /** Candles that say complete and lack a trade, or have one too many. By the times at which they were traded. */
  const lies = (): string[] =>
    finals().flatMap(({ timeframe, openTime, closeTime, complete, tradesCount }) => {
      const count = truth.filter(({ time }) => time >= openTime && time < closeTime).length
      return !complete || tradesCount === count ? [] : [`${timeframe} ${openTime - start}: ${tradesCount} of ${count}`]
    })
  return {
    ...{ clock, feed, told, truth, trade, market, lies, finals, now, start },
    seconds: () => told.filter(({ timeframe }) => timeframe === '1s'),
    stepExchange: (ms: number) => (step += ms),
    setWhole: (value: boolean) => (isWhole = value),
  }
}

describe('closing', () => {
  test.each([-10 * MINUTE, -HOUR, HOUR, 24 * HOUR])(
    'our clock is set by %i ms: every candle closes in its time, once',
    async (ms) => {
      const { clock, feed, market, seconds, lies, start } = world()
      feed.resume()
      await market(5 * SECOND)
      clock.stepWall(ms)
      await market(20 * SECOND)
      const closed = seconds()
      expect(closed.map(({ status }) => status)).toEqual(closed.map(() => 'closed'))
      expect(closed.map(({ openTime }) => openTime)).toEqual(Array.from({ length: 24 }, (_, i) => start + i * SECOND))
      for (const { at, closeTime } of closed) expect(at - closeTime - SECOND).toBeLessThanOrEqual(1)
      expect(lies()).toEqual([])
    },
  )

  test.each([-HOUR, HOUR])('in a quiet market, too, though our clock is set by %i ms', async (ms) => {
    const { clock, feed, market, seconds } = world({ completeSeries: true })
    feed.resume()
    await market(2 * SECOND)
    clock.stepWall(ms)
    await clock.advance(MINUTE)
    expect(seconds()).toHaveLength(61)
    expect(seconds().every(({ status, at, closeTime }) => status === 'closed' && at === closeTime + SECOND)).toBe(true)
  })

  test.each([-HOUR, -3 * SECOND, 3 * SECOND, HOUR])('our clock is wrong by %i ms from the start', async (aheadMs) => {
    const { feed, market, seconds, lies } = world({ aheadMs })
    feed.resume()
    await market(30 * SECOND)
    expect(lies()).toEqual([])
    const closed = seconds()
    expect(closed.length).toBeGreaterThan(25)
    expect(closed.every(({ status }) => status === 'closed')).toBe(true)
    // But for the beginning they are complete.
    expect(closed.slice(8).every(({ complete }) => complete)).toBe(true)
  })

  test('while nobody knows what time it is, nothing closes', async () => {
    const { clock, feed, trade, told } = world({ aheadMs: -HOUR })
    feed.resume()
    trade()
    await clock.advance(10 * MINUTE)
    trade()
    expect(told).toEqual([])
    await clock.advance(MINUTE)
    trade()
    await clock.advance(2 * SECOND)
    expect(told.filter(({ timeframe }) => timeframe === '1s')).toHaveLength(3)
  })

  test.each([-HOUR, HOUR])(
    'the exchange is asked: a series begins by its time though our clock is wrong by %i ms',
    async (aheadMs) => {
      let asked = 0
      const { clock, feed, now, seconds, market, lies, start, ...rest } = world({
        aheadMs,
        completeSeries: true,
        latestTrade: () => Promise.resolve({ timestamp: start - MINUTE, data: { price: asDecimal('9') } } as PointOf<'trade'>),
        serverTime: () => {
          asked++
          return Promise.resolve(now())
        },
      })
      feed.resume()
      await clock.advance(10 * SECOND)
      expect(seconds().map(({ openTime }) => openTime)).toEqual(Array.from({ length: 9 }, (_, i) => start + i * SECOND))
      expect(asked).toBe(1)
      await market(5 * SECOND)
      expect(lies()).toEqual([])
      expect(rest.told.filter(({ status }) => status === 'revised').every(({ complete }) => complete)).toBe(true)
    },
  )

  test('an exchange that cannot tell its time is asked now and then, and not at all when its trades tell', async () => {
    const askedAt: number[] = []
    const { clock, feed, trade } = world({
      aheadMs: HOUR,
      serverTime: () => {
        askedAt.push(clock.elapsed())
        return Promise.reject(new Error('no'))
      },
    })
    feed.resume()
    await clock.advance(MINUTE)
    expect(askedAt).toEqual([])
    trade()
    await clock.advance(MINUTE)
    expect(askedAt.length).toBeGreaterThanOrEqual(5)
    expect(askedAt.length).toBeLessThanOrEqual(7)
  })
})

describe('a single wrong time', () => {
  test.each([
    ['2 s ahead', 2 * SECOND],
    ['3 s ahead', 3 * SECOND],
    ['a minute ahead', MINUTE],
    ['an hour ahead', HOUR],
    ['ten years ahead', 10 * 365 * 24 * HOUR],
    ['two minutes back', -2 * MINUTE],
    ['an hour back', -HOUR],
  ])(
    '%s: closes nothing early, revises no other trade’s candle, and its own say that they are not complete',
    async (_name, stampMs) => {
      const { clock, feed, market, trade, seconds, lies, finals, start } = world()
      feed.resume()
      await market(10 * SECOND)
      await clock.advance(100)
      trade({ stampMs })
      await market(30 * SECOND)
      await clock.advance(2 * SECOND)
      expect(lies()).toEqual([])
      const now = start + clock.elapsed()
      for (const { closeTime, at } of seconds()) expect(at).toBeGreaterThanOrEqual(closeTime + SECOND)
      // What is left in the future stays open.
      expect(finals().filter(({ openTime }) => openTime > now)).toEqual([])
      const incomplete = finals().filter(
        ({ timeframe, complete, openTime }) => timeframe === '1s' && !complete && openTime > start,
      )
      expect(incomplete.map(({ incompleteReason }) => incompleteReason)).toEqual(incomplete.map(() => 'time-doubtful'))
      expect(incomplete.length).toBeLessThanOrEqual(3)
    },
  )

  test('two in a row do no more', async () => {
    const { clock, feed, market, trade, seconds, lies } = world()
    feed.resume()
    await market(10 * SECOND)
    trade({ stampMs: HOUR })
    await clock.advance(20)
    trade({ stampMs: HOUR })
    await market(10 * SECOND)
    expect(lies()).toEqual([])
    expect(seconds().every(({ status, at, closeTime }) => status === 'closed' && at >= closeTime + SECOND)).toBe(true)
  })

  test('the first trade of all is stamped an hour ahead', async () => {
    const { feed, market, trade, lies, seconds } = world()
    feed.resume()
    trade({ stampMs: HOUR })
    await market(10 * SECOND)
    expect(lies()).toEqual([])
    expect(seconds().length).toBeGreaterThan(7)
  })

  test('during an interruption it proves nothing', async () => {
    const { clock, feed, market, trade, lies } = world({ completeSeries: true })
    feed.resume()
    await market(10 * SECOND)
    trade({ stampMs: HOUR })
    await clock.advance(100)
    feed.interrupted()
    for (let i = 0; i < 5; i++) {
      await clock.advance(SECOND)
      trade({ isHeard: false })
    }
    await clock.advance(20 * SECOND)
    expect(lies()).toEqual([])
  })

  test('a gap behind it touches what lies between its true time and the next trade', async () => {
    const { clock, feed, market, trade, lies, now, finals } = world()
    feed.resume()
    await market(10 * SECOND)
    trade({ stampMs: 3 * SECOND })
    const fromTime = now() + 3 * SECOND
    await clock.advance(1_500)
    trade({ isHeard: false })
    await clock.advance(5_000)
    const toTime = now()
    const gap = { fromTime, toTime, fromId: '42', reason: 'rest-failed' }
    feed.gap({ ...gap, filled: false })
    await market(10 * SECOND)
    expect(lies()).toEqual([])
    feed.gap({ ...gap, filled: true })
    expect(finals().filter(({ incompleteReason }) => incompleteReason === 'rest-failed')).toEqual([])
  })

  test.each([HOUR, -HOUR / 2, 20 * SECOND])(
    'the exchange’s clock is set by %i ms: no trade is lost, and the marks are taken back',
    async (ms) => {
      const { clock, feed, market, stepExchange, finals, truth, told } = world()
      feed.resume()
      await market(10 * SECOND)
      stepExchange(ms)
      await market(90 * SECOND)
      // A candle that was open then closes when the exchange gets there again.
      await clock.advance(HOUR)
      const counted = finals().filter(({ timeframe }) => timeframe === '1s')
      expect(counted.reduce((sum, { tradesCount = 0 }) => sum + tradesCount, 0)).toBe(truth.length)
      const marked = counted.filter(({ incompleteReason }) => incompleteReason === 'time-doubtful')
      expect(marked).toEqual([])
      expect(told.length).toBeGreaterThan(90)
    },
  )

  test('the exchange’s clock is set back further than candles can be revised: they begin anew, and say what they lack', async () => {
    const { clock, feed, market, stepExchange, told, now, start } = world({ reviseWithinMs: MINUTE })
    feed.resume()
    await market(10 * SECOND)
    const reached = now()
    stepExchange(-2 * HOUR)
    told.length = 0
    await market(30 * SECOND)
    await clock.advance(2 * SECOND)
    const again = told.filter(({ timeframe, status }) => timeframe === '1s' && status === 'closed')
    expect(again.length).toBeGreaterThan(25)
    expect(new Set(again.map(({ incompleteReason }) => incompleteReason))).toEqual(new Set(['time-went-back']))
    expect(again.every(({ openTime }) => openTime < start)).toBe(true)
    expect(reached).toBeGreaterThan(start)
  })
})

describe('before the first trade', () => {
  /** The stream flows and nothing is traded; then `how` takes it away, 43 trades are made, and it flows again. */
  test.each([
    ['a lost connection', false, (feed: CandleFeed) => feed.interrupted()],
    ['a restart', false, (feed: CandleFeed) => feed.pause()],
    ['a lost connection, complete series', true, (feed: CandleFeed) => feed.interrupted()],
    ['a restart, complete series', true, (feed: CandleFeed) => feed.pause()],
  ])('%s: what was traded meanwhile is in no candle that says complete', async (_name, completeSeries, how) => {
    const { clock, feed, trade, market, lies, finals, now } = world({
      completeSeries,
      latestTrade: () => Promise.resolve({ timestamp: 1, data: { price: asDecimal('9') } } as PointOf<'trade'>),
      serverTime: () => Promise.resolve(now()),
    })
    feed.resume()
    await clock.advance(70 * SECOND)
    how(feed)
    for (let i = 0; i < 43; i++) trade({ isHeard: false })
    await clock.advance(5 * SECOND)
    feed.resume()
    await clock.advance(20 * SECOND)
    trade()
    await clock.advance(2 * MINUTE)
    await market(MINUTE)
    await clock.advance(2 * MINUTE)
    expect(lies()).toEqual([])
    const [early, late] = [finals().filter(({ openTime }) => openTime < now() - 6 * MINUTE), finals().slice(-5)]
    expect(early.every(({ complete }) => !complete)).toBe(true)
    expect(late.every(({ complete }) => complete)).toBe(true)
  })

  test('nothing is known to be complete; the first trade proves that all was heard', async () => {
    const { clock, feed, trade, seconds, lies, now, start } = world({
      completeSeries: true,
      latestTrade: () => Promise.resolve({ timestamp: 1, data: { price: asDecimal('9') } } as PointOf<'trade'>),
      serverTime: () => Promise.resolve(now()),
    })
    feed.resume()
    await clock.advance(5 * SECOND)
    expect(seconds().map(({ incompleteReason }) => incompleteReason)).toEqual(seconds().map(() => 'before-start'))
    trade()
    await clock.advance(3 * SECOND)
    expect(lies()).toEqual([])
    const finals = new Map(seconds().map((candle) => [candle.openTime, candle.complete]))
    expect([...finals]).toEqual(Array.from({ length: 7 }, (_, i) => [start + i * SECOND, true]))
  })

  test('the tape is not whole: what closes meanwhile is not complete, until it is', async () => {
    const { clock, feed, market, trade, setWhole, finals, lies } = world({ completeSeries: true })
    feed.resume()
    await market(5 * SECOND)
    setWhole(false)
    await clock.advance(3 * SECOND)
    expect(finals().at(-1)).toMatchObject({ complete: false, incompleteReason: 'repairing' })
    setWhole(true)
    trade()
    await clock.advance(2 * SECOND)
    expect(finals().every(({ complete }) => complete)).toBe(true)
    expect(lies()).toEqual([])
  })
})

test('our clock steps, single times are wrong, connections are lost: 40 runs, no candle lies', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = seededRandom(`feed ${seed}`)
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
    const one = world({ completeSeries: random() < 0.5, aheadMs: pick([0, 0, -2 * SECOND, 2 * SECOND, HOUR, -HOUR]) })
    one.feed.resume()
    for (let i = 0; i < 150; i++) {
      await one.clock.advance(50 + Math.floor(random() * 700))
      const chance = random()
      if (chance < 0.03) one.clock.stepWall(pick([-HOUR, HOUR, 700, -5 * SECOND]))
      else if (chance < 0.05) one.trade({ stampMs: pick([47 * MINUTE, 3 * SECOND, -53 * MINUTE, 30 * SECOND]) })
      else if (chance < 0.06) {
        one.feed.interrupted()
        await one.clock.advance(3 * SECOND)
        one.feed.resume()
      } else one.trade()
    }
    await one.clock.advance(2 * MINUTE)
    one.trade()
    await one.clock.advance(2 * MINUTE)
    const isClosedEarly = one.told.some(({ at, closeTime, status }) => status === 'closed' && at < closeTime + SECOND - 600)
    expect([one.lies(), isClosedEarly], `seed ${seed}`).toEqual([[], false])
  }
})
