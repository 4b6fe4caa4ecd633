import { describe, expect, onTestFinished, test } from 'vitest'
import { CompletenessLedger } from '../../../src/core/tape/completeness.ts'
import type { TradePoint } from '../../../src/core/tape/continuity.ts'
import type { Gap } from '../../../src/domain/gap.ts'
import { TimeTape, type TimeTapeHooks } from '../../../src/core/tape/time-tape.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { ExchangeFactory, registerExchange, silentLogger, type ExchangeDefinition } from 'tapekeeper'
import { asDecimal } from '../../support/decimals.ts'
import { acme, AcmeServer } from '../../support/acme.ts'
import { createTestWorld, httpAnswer, inVirtualTime } from '../../support/test-ports.ts'
import { deferred, HOUR, SECOND, START, tradeOf } from './tape-world.ts'

type TradesBetween = NonNullable<TimeTapeHooks['tradesBetween']>

/** A market with one trade every 500 ms and ids that prove nothing. */
const idAt = (time: number): string => `t${(time * 7919) % 1_000_003}-${time}`
const fill = (time: number, backfilled = false): TradePoint => tradeOf(idAt(time), { at: START + time, backfilled })
const between: TradesBetween = (from, to) => {
  const found: TradePoint[] = []
  for (let time = Math.max(0, Math.ceil((from - START) / 500)) * 500; START + time <= to; time += 500)
    found.push(fill(time, true))
  return Promise.resolve(found.reverse())
}

function createWorld(tradesBetween: TradesBetween | 'none' = between, maxHeldTrades = 1_000) {
  const clock = createVirtualClock(START)
  const ledger = new CompletenessLedger('s')
  const trades: TradePoint[] = []
  const gaps: Gap[] = []
  const asked: (readonly [number, number])[] = []
  const errors: string[] = []
  const story: (number | string)[] = []
  const tape = new TimeTape({
    exchange: 'acme',
    symbol: 'ABC-USD',
    stream: 's',
    ledger,
    clock,
    random: () => 0.5,
    settings: { maxHeldTrades, repairTimeoutMs: 15 * SECOND },
    tradesBetween:
      tradesBetween === 'none'
        ? undefined
        : (from, to, signal) => {
            asked.push([from - START, to - START])
            return tradesBetween(from, to, signal)
          },
    deliver: (point) => {
      trades.push(point)
      story.push(point.timestamp - START)
    },
    onGap: (gap) => {
      gaps.push(gap)
      story.push(gap.reason)
    },
    onError: ({ code }) => errors.push(code),
  })
  return {
    tape,
    clock,
    trades,
    gaps,
    asked,
    errors,
    story,
    live: (time: number) => tape.accept(fill(time)),
    accept: (point: TradePoint) => tape.accept(point),
    report: () => ledger.report(),
  }
}

const steps = (from: number, to: number): number[] => Array.from({ length: (to - from) / 500 + 1 }, (_, i) => from + i * 500)

describe('where ids prove nothing', () => {
  test('undisturbed: delivered at once, copies dropped, nothing read', async () => {
    const { tape, live, story, asked, report, clock } = createWorld()
    await tape.open()
    for (const time of [0, 500, 0, 1_000]) live(time)
    expect(story).toEqual([0, 500, 1_000])
    expect(report()).toMatchObject({ delivered: 3, duplicates: 1 })
    expect([asked, clock.pending]).toEqual([[], 0])
  })

  test('after an interruption the time in question is read again, and what is new of it comes first', async () => {
    const { tape, live, story, asked, clock, report, trades } = createWorld()
    await tape.open()
    for (const time of steps(0, 2_000)) live(time)
    tape.interrupted()
    // A copy of what was seen tells nothing yet.
    live(2_000)
    expect(asked).toEqual([])
    live(5_000)
    live(5_500)
    await clock.settle()
    // From the last trades on: the time of one alone may be damaged.
    expect(asked).toEqual([[500, 5_000]])
    expect(story).toEqual(steps(0, 5_500))
    expect(trades.filter(({ data }) => data.backfilled).map(({ timestamp }) => timestamp - START)).toEqual(steps(2_500, 5_000))
    expect(report()).toMatchObject({ delivered: 12, backfilled: 6, missing: 0, unknownGaps: 0 })
  })

  test('interrupted before the first trade: there is nothing to read', async () => {
    const { tape, live, asked, story } = createWorld()
    await tape.open()
    tape.interrupted()
    live(0)
    expect([asked, story]).toEqual([[], [0]])
  })

  test('interrupted again while it is being read: that time is read as well', async () => {
    const first = deferred<undefined>()
    let calls = 0
    const { tape, live, story, asked, clock, gaps } = createWorld(async (from, to, signal) => {
      if (calls++ === 0) await first.promise
      return between(from, to, signal)
    })
    await tape.open()
    live(0)
    tape.interrupted()
    live(5_000)
    await clock.settle()
    tape.interrupted()
    live(20_000)
    live(20_500)
    first.resolve(undefined)
    await clock.settle()
    expect(asked).toEqual([
      [-1_000, 5_000],
      [3_500, 20_000],
    ])
    expect(story).toEqual(steps(0, 20_500))
    expect(gaps).toEqual([])
  })

  test.each([
    ['REST fails', () => Promise.reject(new Error('down')), 'rest-failed', ['REST_FAILED']],
    ['there is none', 'none', 'unprovable', []],
  ] as const)('%s: a gap of unknown size between the trades around it', async (_name, tradesBetween, reason, reported) => {
    const { tape, live, story, gaps, errors, clock, report } = createWorld(tradesBetween)
    await tape.open()
    live(0)
    tape.interrupted()
    live(5_000)
    await clock.settle()
    live(5_500)
    await clock.advance(20 * SECOND)
    expect(story).toEqual([0, reason, 5_000, 5_500])
    expect(gaps).toMatchObject([
      { fromId: undefined, toId: undefined, missing: undefined, fromTime: START, toTime: START + 5_000, filled: false },
    ])
    expect(errors).toEqual(reported)
    expect(report()).toMatchObject({ delivered: 3, unknownGaps: 1 })
  })

  test('a full buffer ends the wait: a gap, and what REST says afterwards is not heard', async () => {
    const answer = deferred<undefined>()
    const { tape, live, story, clock } = createWorld(async (from, to, signal) => {
      await answer.promise
      return between(from, to, signal)
    }, 3)
    await tape.open()
    live(0)
    tape.interrupted()
    for (const time of [5_000, 5_500, 6_000]) live(time)
    expect(story).toEqual([0])
    live(6_500)
    expect(story).toEqual([0, 'buffer-full', 5_000, 5_500, 6_000, 6_500])
    answer.resolve(undefined)
    await clock.settle()
    live(7_000)
    expect(story.slice(-1)).toEqual([7_000])
    expect(story).toHaveLength(7)
  })

  test('a stop while it is being read declares the time and delivers what waited', async () => {
    const { tape, live, story, clock } = createWorld(() => new Promise(() => undefined))
    await tape.open()
    live(0)
    tape.interrupted()
    live(5_000)
    tape.interrupted()
    live(9_000)
    await tape.close(true)
    expect(story).toEqual([0, 'stopped', 5_000, 'stopped', 9_000])
    expect(clock.pending).toBe(0)
  })

  test.each(['while nothing is being read', 'while it is being read'])('a restart %s loses nothing', async (when) => {
    const { tape, live, story, clock } = createWorld((from, to, signal) =>
      to < START + 9_000
        ? new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
        : between(from, to, signal),
    )
    await tape.open()
    live(0)
    if (when === 'while it is being read') {
      tape.interrupted()
      live(8_999.5)
    }
    await tape.close(false)
    await tape.open()
    live(20_000)
    await clock.settle()
    // What could not be read before the restart is asked for again; it still hangs, so the rest waits behind it.
    if (when === 'while it is being read') {
      expect(story).toEqual([0])
      await tape.close(true)
      expect(story).toEqual([0, 'stopped', 8_999.5, 'stopped', 20_000])
    } else {
      expect(story).toEqual(steps(0, 20_000))
    }
  })

  const hangs: TradesBetween = () => new Promise(() => undefined)
  const behind =
    (lagMs: number, now: () => number): TradesBetween =>
    (from, to, signal) =>
      between(from, Math.min(to, now() - lagMs), signal)

  test('one trade stamped an hour, or seconds, ahead or back hides nothing of the next hole', async () => {
    for (const off of [HOUR, 3 * SECOND, -HOUR, -5 * SECOND]) {
      let newest = 5_000
      const { tape, live, clock, story, gaps, accept, trades } = createWorld((from, to, signal) =>
        between(from, Math.min(to, START + newest), signal),
      )
      await tape.open()
      for (const time of steps(0, 2_000)) live(time)
      accept(tradeOf(idAt(2_500), { at: START + 2_500 + off }))
      tape.interrupted()
      live(5_000)
      await clock.settle()
      expect(story.slice(6)).toEqual(steps(3_000, 5_000))
      expect(gaps).toEqual([])
      // The one that waits, too.
      tape.interrupted()
      await clock.advance(5_000)
      newest = 10_500
      accept(tradeOf(idAt(10_000), { at: START + 10_000 + off }))
      live(10_500)
      await clock.settle()
      expect(story.slice(11, 21)).toEqual(steps(5_500, 10_000))
      expect(trades.map(({ data }) => data.id)).toEqual(steps(0, 10_500).map(idAt))
    }
  })

  test('the exchange sets its clock back: what cannot be told is a gap, and nothing comes twice', async () => {
    let offset = 0
    const { tape, accept, clock, story, trades } = createWorld((from, to) =>
      Promise.resolve(
        Array.from({ length: Math.ceil(clock.elapsed() / 500) + 1 }, (_, i) => i * 500)
          .map((time) => tradeOf(`t${time}`, { at: START + time - (time < 10_000 ? 0 : HOUR), backfilled: true }))
          .filter(({ timestamp }) => timestamp >= from && timestamp <= to),
      ),
    )
    await tape.open()
    for (let time = 0; time < 60_000; time += 500) {
      offset = time < 10_000 ? 0 : HOUR
      if (time === 9_000 || time === 40_000) tape.interrupted()
      const isLost = (time >= 9_000 && time < 12_000) || (time >= 40_000 && time < 43_000)
      if (!isLost) accept(tradeOf(`t${time}`, { at: START + time - offset }))
      await clock.advance(500)
    }
    const ids = trades.map(({ data }) => data.id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(story.filter((piece) => typeof piece === 'string')).toEqual(['rest-short'])
    // All but what lies in the gap.
    expect(ids).toHaveLength(120 - 4)
  })

  test.each([
    ['hangs', () => hangs, 'rest-failed'],
    ['stands still', (now: () => number) => behind(60 * SECOND, now), 'rest-short'],
    ['has nothing', () => () => Promise.resolve([]), 'rest-short'],
  ] as const)('no trade waits longer than half a minute while REST %s; what is missing is told', async (_name, rest, reason) => {
    const world = createWorld((from, to, signal) => rest(() => START + world.clock.elapsed())(from, to, signal), 100_000)
    const { tape, clock, live, story, gaps } = world
    await tape.open()
    for (let time = 0; time < 120_000; time += 500) {
      if (time % 4_000 === 3_500) tape.interrupted()
      else live(time)
      await clock.advance(500)
      const times = story.filter((piece) => typeof piece === 'number')
      expect(times.at(-1)).toBeGreaterThanOrEqual(time - 30_000)
    }
    expect(gaps.length).toBeGreaterThan(20)
    expect(new Set(gaps.map((gap) => gap.reason))).toContain(reason)
    await tape.close(true)
    // Each of those that came, once, in order, and a gap for each hole.
    expect(story.filter((piece) => typeof piece === 'number')).toEqual(steps(0, 119_500).filter((time) => time % 4_000 !== 3_500))
    expect(gaps).toHaveLength(29)
    expect(clock.pending).toBe(0)
  })

  test('a REST that lags is asked again, until it has the trade that waits', async () => {
    const world = createWorld((from, to, signal) => behind(7 * SECOND, () => START + world.clock.elapsed())(from, to, signal))
    const { tape, clock, live, story, gaps, errors } = world
    await tape.open()
    for (let time = 0; time <= 30_000; time += 500) {
      if (time === 2_000) tape.interrupted()
      if (time < 2_000 || time > 6_000) live(time)
      await clock.advance(500)
    }
    expect(story).toEqual(steps(0, 30_000))
    expect([gaps, errors]).toEqual([[], []])
  })

  test('an answer that was cut short is no proof: what it has is delivered behind a gap', async () => {
    const { tape, clock, live, story } = createWorld(async (from, to, signal) => (await between(from, to, signal)).slice(0, 5))
    await tape.open()
    for (const time of steps(0, 2_000)) live(time)
    tape.interrupted()
    live(20_000)
    await clock.advance(30 * SECOND)
    expect(story).toEqual([...steps(0, 2_000), 'rest-short', ...steps(18_000, 20_000)])
  })

  test('rows of an answer from before the time asked for do not count', async () => {
    const { tape, clock, live, story } = createWorld((_from, to, signal) => between(START, to, signal))
    await tape.open()
    for (const time of steps(0, 30_000)) if (time > 20_000) live(time)
    tape.interrupted()
    live(32_000)
    await clock.settle()
    expect(story).toEqual(steps(20_500, 32_000))
  })

  test('what REST has of one millisecond comes in the order of ids: numbers by value, others by text', async () => {
    const ids = ['900', '10', '9', 'b-1', '99999999999999999998', '99999999999999999999', 'a-20', '1']
    const { tape, clock, accept, trades } = createWorld(() =>
      Promise.resolve([
        tradeOf('first', { at: START }),
        ...ids.map((id) => tradeOf(id, { at: START + 500, backfilled: true })),
        tradeOf('last', { at: START + 1_000 }),
      ]),
    )
    await tape.open()
    accept(tradeOf('first', { at: START }))
    tape.interrupted()
    accept(tradeOf('last', { at: START + 1_000 }))
    await clock.settle()
    expect(trades.map(({ data }) => data.id)).toEqual([
      'first',
      ...['1', '9', '10', '900', '99999999999999999998', '99999999999999999999', 'a-20', 'b-1'],
      'last',
    ])
  })

  describe('ids that are given out anew', () => {
    const numbered = (id: number, time: number) => tradeOf(id, { at: START + time })

    test('a known id with a later time is no copy: told at once; several in a row are trades', async () => {
      const { tape, accept, story, gaps, report } = createWorld('none')
      await tape.open()
      for (let id = 1; id <= 20; id++) accept(numbered(id, id * 1_000))
      for (let id = 1; id <= 10; id++) accept(numbered(id, 60_000 + id * 1_000))
      // Copies, of both times.
      accept(numbered(3, 63_000))
      accept(numbered(20, 20_000))
      expect(story.slice(20)).toEqual(['ids-restarted', 'ids-restarted', ...steps(63_000, 70_000).filter((t) => t % 1_000 === 0)])
      expect(gaps).toMatchObject([
        { fromTime: START + 19_000, toTime: START + 61_000, missing: undefined },
        { fromTime: START + 19_000, toTime: START + 62_000, missing: undefined },
      ])
      expect(report()).toMatchObject({ delivered: 28, duplicates: 2, unknownGaps: 2 })
    })

    test('a copy whose time was damaged costs a gap, and is not delivered; copies with their own times cost nothing', async () => {
      const { tape, accept, story, report } = createWorld('none')
      await tape.open()
      for (let id = 1; id <= 5; id++) {
        accept(numbered(id, id * 1_000))
        if (id % 2 === 0) accept(numbered(id - 1, id * 1_000 + HOUR))
        accept(numbered(id - 1 || 1, (id - 1 || 1) * 1_000 + 1_500))
      }
      expect(story.filter((piece) => piece !== 'ids-restarted')).toEqual([1_000, 2_000, 3_000, 4_000, 5_000])
      expect(report()).toMatchObject({ delivered: 5, unknownGaps: 2 })
    })

    test('behind an interruption, too: what REST has is merged, each once', async () => {
      const at = (n: number) => numbered((n % 20) + 1, n * 1_000)
      const { tape, accept, clock, trades, story } = createWorld((from, to) =>
        Promise.resolve(
          Array.from({ length: 100 }, (_, n) => at(n)).filter(({ timestamp }) => timestamp >= from && timestamp <= to),
        ),
      )
      await tape.open()
      for (let n = 0; n < 60; n++) {
        if (n === 30) tape.interrupted()
        if (n < 30 || n > 35) accept(at(n))
        await clock.settle()
      }
      expect(trades.map(({ timestamp }) => (timestamp - START) / 1_000)).toEqual(
        Array.from({ length: 60 }, (_, n) => n).filter((n) => n !== 20 && n !== 21),
      )
      expect(story.filter((piece) => typeof piece === 'string')).toEqual(['ids-restarted', 'ids-restarted'])
    })
  })

  test('remembers enough ids, and not all of them', async () => {
    const { tape, live, report } = createWorld()
    await tape.open()
    for (let i = 0; i < 30_000; i++) live(i * 500)
    for (let i = 29_999; i > 29_000; i--) live(i * 500)
    expect(report()).toMatchObject({ delivered: 30_000, duplicates: 999 })
  })
})

describe('an invented exchange, registered from outside', () => {
  const SYMBOL = 'ABC-USD'
  const KEY = 'trades.abcusd'

  function invented(id: string): ExchangeDefinition {
    return {
      ...acme,
      id,
      name: id,
      trades: {
        contiguity: 'none',
        async between(rest, { symbol }, from, to, signal) {
          const rows = await rest.get(
            `/history?from=${from}&to=${to}`,
            (body) => ({ kind: 'ok', data: body as [number, number][] }),
            signal,
          )
          return rows.map(([seq, at]) => {
            const data = { id: String(seq), price: asDecimal('1'), size: asDecimal('1'), side: 'buy', backfilled: true } as const
            return { exchange: id, symbol, dataType: 'trade', timestamp: at, receivedAt: at, data } as const
          })
        },
      },
    }
  }

  test('a lost connection is read again by time and merged, in order, each once', async () => {
    const world = createTestWorld()
    const { clock, sockets } = world
    const server = new AcmeServer(() => clock.now())
    sockets.onDial = server.accept
    const made: [number, number][] = []
    world.answer = ({ url }) => {
      const { pathname, searchParams } = new URL(url)
      if (pathname === '/instruments') return httpAnswer(200, [{ symbol: SYMBOL, live: true }])
      const [from, to] = [Number(searchParams.get('from')), Number(searchParams.get('to'))]
      return httpAnswer(200, made.filter(([, at]) => at >= from && at <= to).reverse())
    }
    registerExchange(invented('acme-none'))
    const collector = ExchangeFactory.createCollector({
      exchange: 'acme-none',
      symbol: SYMBOL,
      dataTypes: ['trade'],
      ports: world.ports,
      logger: silentLogger,
    })
    onTestFinished(async () => {
      await inVirtualTime(clock, collector.stop())
      expect(clock.pending).toBe(0)
    })
    const ids: string[] = []
    const gaps: Gap[] = []
    collector.addDataCallback('trade', ({ data }) => ids.push(data.id))
    collector.on('gap', (gap) => gaps.push(gap))
    expect(await inVirtualTime(clock, collector.start())).toBe(true)
    let seq = 1_000
    const trade = async (): Promise<void> => {
      // Ids grow, but not by one: they prove nothing.
      seq += 7
      made.push([seq, clock.now()])
      server.publish(KEY, { seq })
      await clock.advance(400)
    }
    for (let i = 0; i < 5; i++) await trade()
    const cut = async (): Promise<void> => {
      sockets.alive[0]?.close({ code: 1006 })
      for (let i = 0; i < 20; i++) await trade()
    }
    await cut()
    await cut()
    await inVirtualTime(clock, collector.restart())
    for (let i = 0; i < 5; i++) await trade()
    await clock.advance(5 * SECOND)
    expect(ids).toEqual(made.map(([id]) => String(id)))
    expect(gaps).toEqual([])
    const { delivered, backfilled, missing } = collector.getCompleteness()
    expect({ delivered, missing }).toEqual({ delivered: made.length, missing: 0 })
    expect(backfilled).toBeGreaterThan(0)
    expect(world.requests.filter(({ url }) => url.includes('/history')).length).toBe(3)
  })

  test('one that cannot be read again says so', async () => {
    const world = createTestWorld()
    const { clock, sockets } = world
    const server = new AcmeServer(() => clock.now())
    sockets.onDial = server.accept
    world.answer = () => httpAnswer(200, [{ symbol: SYMBOL, live: true }])
    registerExchange({ ...acme, id: 'acme-blind', name: 'Blind' })
    const collector = ExchangeFactory.createCollector({
      exchange: 'acme-blind',
      symbol: SYMBOL,
      dataTypes: ['trade'],
      ports: world.ports,
      logger: silentLogger,
    })
    const gaps: Gap[] = []
    collector.on('gap', (gap) => gaps.push(gap))
    expect(await inVirtualTime(clock, collector.start())).toBe(true)
    server.publish(KEY, { seq: 1 })
    const before = clock.now()
    await clock.advance(SECOND)
    sockets.alive[0]?.close({ code: 1006 })
    for (let i = 0; i < 20; i++) {
      await clock.advance(SECOND)
      server.publish(KEY, { seq: 2 + i })
    }
    await clock.settle()
    expect(gaps).toMatchObject([{ reason: 'unprovable', fromTime: before, missing: undefined, stream: `acme-blind ${KEY}` }])
    expect(collector.getCompleteness().streams[0]?.unknownGaps).toBe(1)
    await inVirtualTime(clock, collector.stop())
    expect(clock.pending).toBe(0)
  })
})
