import { describe, expect, test, vi } from 'vitest'
import { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { createMemoryCursorStore, type CursorStore, type TapeCursor } from '../../../src/ports/cursor-store.ts'
import { deferred } from './tape-world.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { inVirtualTime } from '../../support/test-ports.ts'
import { brokenAt, fillsIn } from './tape-log.ts'
import { createTapeWorld, HOUR, RestHistory, SECOND, START, story, tradeOf, type TapeWorld } from './tape-world.ts'

const down = () => Promise.reject(new TapekeeperError('REST_FAILED', 'down'))
const nothing = () => Promise.resolve([])

async function expectClosed({ tape, clock }: TapeWorld): Promise<void> {
  await inVirtualTime(clock, tape.close(true))
  expect(clock.pending).toBe(0)
}

describe('undisturbed', () => {
  test('a trade is delivered before `accept` returns; no timer, no request', async () => {
    const world = createTapeWorld()
    await world.tape.open()
    for (const [id, count] of [
      [10, 1],
      [13, 3],
      [14, 1],
    ] as const) {
      world.live(id, { count })
      expect(world.log.pieces.at(-1)?.last).toBe(id)
    }
    expect(world.clock.pending).toBe(0)
    expect(world.rest.asked).toEqual([])
    expect(world.report()).toMatchObject({ delivered: 5, backfilled: 0, duplicates: 0, missing: 0 })
  })

  test('copies are dropped and counted by fills', () => {
    const world = createTapeWorld()
    for (const id of [10, 13, 13, 10]) world.live(id, { count: id === 13 ? 3 : 1 })
    expect(story(world.log)).toBe('10 11..13')
    expect(world.report().duplicates).toBe(4)
  })

  test('ids of any size count, exactly', async () => {
    for (const first of [9_007_199_254_740_985n, 8_389_765_489_680_951_453n]) {
      const world = createTapeWorld()
      const id = (nth: number) => String(first + BigInt(nth))
      const asked: string[] = []
      world.rest.script = () => {
        const before = BigInt(world.rest.asked.at(-1)!)
        asked.push(String(before))
        const rows = [6, 5, 4, 3, 1, 0].filter((nth) => first + BigInt(nth) < before)
        return Promise.resolve(rows.map((nth) => tradeOf(id(nth), { backfilled: true })))
      }
      for (const nth of [0, 1, 1, 6, 10]) world.tape.accept(tradeOf(id(nth)))
      world.tape.accept(tradeOf(id(9), { count: 3 }))
      await world.clock.advance(SECOND)
      expect(world.log.trades.map(({ data }) => data.id)).toEqual([0, 1, 3, 4, 5, 6, 9, 10].map(id))
      expect(world.log.gaps).toMatchObject([{ fromId: id(2), toId: id(2), missing: 1, reason: 'rest-short' }])
      expect(asked[0]).toBe(id(7))
      expect(world.report()).toMatchObject({ delivered: 10, duplicates: 1, missing: 1 })
    }
  })

  test('ids of twenty digits: a gap, the cursor, the next process, and what is found late', async () => {
    const id = (nth: number) => String(98_765_432_109_876_543_210n + BigInt(nth))
    const cursorStore = createMemoryCursorStore()
    const rest = new RestHistory()
    let isDown = true
    const known = new Set([...Array(30).keys()].map(id))
    rest.script = () => {
      const before = BigInt(rest.asked.at(-1)!)
      const rows = [...known].filter((text) => BigInt(text) < before).reverse()
      return isDown ? down() : Promise.resolve(rows.map((text) => tradeOf(text, { backfilled: true })))
    }
    const world = createTapeWorld({ rest, cursorStore })
    await world.tape.open()
    for (const nth of [0, 1, 5, 6]) world.tape.accept(tradeOf(id(nth)))
    await world.clock.advance(16 * SECOND)
    expect(world.log.gaps).toMatchObject([{ fromId: id(2), toId: id(4), missing: 3, reason: 'rest-failed' }])
    await expectClosed(world)
    expect(await cursorStore.load('acme trades')).toMatchObject({ id: id(6) })
    isDown = false
    const next = createTapeWorld({ rest, cursorStore, clock: world.clock })
    await next.tape.open()
    for (const nth of [6, 10]) next.tape.accept(tradeOf(id(nth)))
    await next.clock.advance(60 * SECOND)
    expect(next.log.trades.map(({ data }) => data.id)).toEqual([7, 8, 9, 10].map(id))
    expect(next.log.filled).toMatchObject([{ fromId: id(2), toId: id(4), missing: 3, filled: true }])
    expect(next.log.filled[0]?.trades?.map(({ data }) => data.id)).toEqual([2, 3, 4].map(id))
    expect(next.report()).toMatchObject({ delivered: 4, duplicates: 1, missing: 0 })
    expect(await cursorStore.openGaps('acme trades')).toEqual([])
    await expectClosed(next)
    expect(await cursorStore.load('acme trades')).toMatchObject({ id: id(10) })
  })

  test('an id that does not count is a gap of its own, told once and loudly', () => {
    const world = createTapeWorld()
    const uuid = 'b2f5ff47-4366-4bb6-a5fb-8d4e1c2a7f01'
    for (const id of [uuid, '007', uuid]) world.tape.accept(tradeOf(id, { count: 2 }))
    world.live(1)
    expect(world.log.trades.map(({ data }) => data.id)).toEqual(['1'])
    const unprovable = { reason: 'unprovable', missing: 2, fromTime: START, toTime: START, filled: false }
    expect(world.log.gaps).toMatchObject([
      { ...unprovable, fromId: uuid, toId: uuid },
      { ...unprovable, fromId: '007', toId: '007' },
    ])
    expect(world.log.errors).toMatchObject([{ code: 'FRAME_INVALID' }, { code: 'FRAME_INVALID' }])
    expect(world.report()).toMatchObject({ delivered: 1, missing: 4, duplicates: 2 })
  })
})

describe('a hole', () => {
  test('holds back what is behind it, is read, and all flows on in order', async () => {
    const world = createTapeWorld()
    world.live(1)
    world.live(4)
    world.live(7, { count: 2 })
    expect(story(world.log)).toBe('1')
    await world.clock.advance(250)
    expect(story(world.log)).toBe('1 2* 3* 4 5* 6..7')
    expect(world.report()).toMatchObject({ delivered: 7, backfilled: 3, missing: 0 })
    expect(world.clock.pending).toBe(0)
  })

  test('that closes by itself within the grace time costs no request', async () => {
    const world = createTapeWorld()
    for (const id of [1, 4, 2, 3]) world.live(id)
    expect(story(world.log)).toBe('1 2 3 4')
    await world.clock.advance(60 * SECOND)
    expect(world.rest.asked).toEqual([])
  })

  test('is read in chunks, and what is found flows before the next chunk', async () => {
    const world = createTapeWorld()
    world.live(1)
    world.live(2_502)
    let most = 0
    world.rest.script = () => {
      most = Math.max(most, world.log.trades.length)
      return undefined
    }
    await world.clock.advance(250)
    expect(brokenAt(world.log.pieces)).toBeUndefined()
    expect(world.log.trades).toHaveLength(2_502)
    expect(most).toBeGreaterThanOrEqual(2_000)
  })

  test('while live trades go on arriving, also overlapping what REST brings', async () => {
    const world = createTapeWorld()
    world.live(1)
    world.live(20)
    const release = deferred<undefined>()
    world.rest.script = async (before) => {
      await release.promise
      return world.rest.page(before)
    }
    await world.clock.advance(250)
    world.live(15, { count: 4 })
    world.live(22)
    release.resolve(undefined)
    await world.clock.advance(1_000)
    expect(brokenAt(world.log.pieces)).toBeUndefined()
    expect(story(world.log)).toContain('11* 12..15 16*')
    expect(story(world.log)).toContain('20 21* 22')
  })

  test.each([
    ['lags and catches up', (rest: RestHistory) => (rest.newest = 2), (rest: RestHistory) => (rest.newest = Infinity)],
    ['is down and comes back', (rest: RestHistory) => (rest.script = down), (rest: RestHistory) => (rest.script = undefined)],
    [
      'answers nothing and comes back',
      (rest: RestHistory) => (rest.script = nothing),
      (rest: RestHistory) => (rest.script = undefined),
    ],
  ])('is no gap when REST %s within the time', async (_name, spoil, heal) => {
    const world = createTapeWorld()
    spoil(world.rest)
    world.live(1)
    world.live(6)
    await world.clock.advance(14 * SECOND)
    expect(world.log.gaps).toEqual([])
    heal(world.rest)
    await world.clock.advance(6 * SECOND)
    expect(story(world.log)).toBe('1 2* 3* 4* 5* 6')
    expect(world.clock.pending).toBe(0)
  })
})

describe('what cannot be had', () => {
  test('REST down: one gap for the whole hole after the time, in its place; what is found later is announced with its trades', async () => {
    const world = createTapeWorld()
    world.rest.script = down
    world.live(1, { at: START - 5 })
    world.live(5_000, { count: 3 })
    await world.clock.advance(14 * SECOND)
    expect(world.log.gaps).toEqual([])
    expect(world.log.trades).toHaveLength(1)
    await world.clock.advance(7 * SECOND)
    expect(story(world.log)).toBe('1 [2..4997 rest-failed] 4998..5000')
    expect(world.log.gaps).toMatchObject([
      {
        exchange: 'acme',
        symbol: 'ABC-USD',
        stream: 'acme trades',
        fromId: '2',
        toId: '4997',
        fromTime: START - 5,
        toTime: START,
        missing: 4_996,
        filled: false,
        trades: undefined,
      },
    ])
    expect(world.report()).toMatchObject({ delivered: 4, missing: 4_996 })
    world.rest.script = undefined
    await world.clock.advance(60 * SECOND)
    const [filled] = world.log.filled
    expect(filled).toMatchObject({ ...world.log.gaps[0], filled: true, trades: expect.any(Array) as never, at: filled?.at })
    expect(filled?.trades?.map(({ data }) => Number(data.id))).toEqual(Array.from({ length: 4_996 }, (_, i) => i + 2))
    expect(filled?.trades?.every(({ data }) => data.backfilled)).toBe(true)
    expect(world.report()).toMatchObject({ delivered: 4, missing: 0 })
    // Once: and they are not delivered on top.
    await world.clock.advance(HOUR)
    expect(world.log.filled).toHaveLength(1)
    expect(world.log.trades).toHaveLength(2)
    expect(world.clock.pending).toBe(0)
  })

  test('a hole too large to be held in memory is told in pieces, each found by itself', async () => {
    const world = createTapeWorld()
    world.live(1)
    world.rest.script = down
    world.live(120_002)
    await world.clock.advance(30 * SECOND)
    expect(story(world.log)).toBe('1 [2..50001 rest-failed] [50002..100001 rest-failed] [100002..120001 rest-failed] 120002')
    world.rest.script = undefined
    let most = 0
    for (let minute = 0; minute < 10; minute++) {
      await world.clock.advance(60 * SECOND)
      most = Math.max(most, ...world.log.filled.map(({ trades = [] }) => trades.length))
    }
    expect(world.log.filled.map(({ fromId }) => Number(fromId)).sort((a, b) => a - b)).toEqual([2, 50_002, 100_002])
    expect(most).toBe(50_000)
    expect(world.report().missing).toBe(0)
    await expectClosed(world)
  })

  test('the books of the hours come out even when a gap is filled in another hour', async () => {
    const world = createTapeWorld({ clock: createVirtualClock(START + HOUR - 30 * SECOND) })
    world.rest.script = down
    world.live(1)
    // Nothing is held behind this hole: the row reaches back into what was delivered.
    world.live(3, { count: 3 })
    await world.clock.advance(25 * SECOND)
    expect(story(world.log)).toBe('1 [2..3 rest-failed]')
    await world.clock.advance(10 * SECOND)
    world.live(4)
    world.rest.script = undefined
    await world.clock.advance(60 * SECOND)
    expect(world.log.filled).toHaveLength(1)
    expect(world.report().missing).toBe(0)
    expect(world.report().hours.map(({ missing }) => missing)).toEqual([0, 0])
  })

  test('REST knows what came after, but not these: a gap at once', async () => {
    const world = createTapeWorld()
    world.rest.absent.add(3)
    world.live(1)
    world.live(6)
    await world.clock.advance(250)
    expect(story(world.log)).toBe('1 2* [3 rest-short] 4* 5* 6')
  })

  test('REST answers, without them and without what came after: a gap after the time', async () => {
    const world = createTapeWorld()
    world.rest.newest = 3
    world.live(1)
    world.live(6)
    await world.clock.advance(25 * SECOND)
    expect(story(world.log)).toBe('1 2* 3* [4..5 rest-short] 6')
  })

  test('REST contradicts itself: a gap after the time', async () => {
    const world = createTapeWorld()
    world.rest.script = (before) => Promise.resolve([tradeOf(before + 1), tradeOf(before)])
    world.live(1)
    world.live(6)
    await world.clock.advance(25 * SECOND)
    expect(story(world.log)).toBe('1 [2..5 rest-wrong] 6')
    expect(world.rest.asked.length).toBeGreaterThanOrEqual(3)
  })

  test('no REST at all: a gap after the grace time', async () => {
    const world = createTapeWorld({ noRest: true })
    world.live(1)
    world.live(6)
    world.live(9)
    await world.clock.advance(250)
    expect(story(world.log)).toBe('1 [2..5 unprovable] 6 [7..8 unprovable] 9')
    expect(world.clock.pending).toBe(0)
  })

  test('a full buffer: every hole is a gap, in its place, and nothing stays held', async () => {
    const world = createTapeWorld({ settings: { maxHeldTrades: 3 } })
    world.rest.script = down
    world.live(1)
    for (const id of [3, 5, 6]) world.live(id)
    expect(story(world.log)).toBe('1')
    world.live(8)
    expect(story(world.log)).toBe('1 [2 buffer-full] 3 [4 buffer-full] 5 6 [7 buffer-full] 8')
    world.live(9)
    world.rest.script = undefined
    await world.clock.advance(120 * SECOND)
    expect(story(world.log)).toMatch(/ 8 9$/)
    expect(world.log.filled.map(({ fromId }) => fromId)).toEqual(['2', '4', '7'])
    expect(world.report()).toMatchObject({ missing: 0, delivered: 6 })
  })

  test('a full buffer while REST is answering: what comes too late is no copy and no second announcement', async () => {
    const world = createTapeWorld({ settings: { maxHeldTrades: 2 } })
    const release = deferred<undefined>()
    world.rest.script = async (before) => {
      await release.promise
      return world.rest.page(before)
    }
    world.live(1)
    world.live(5)
    await world.clock.advance(250)
    for (const id of [6, 7, 10]) world.live(id)
    release.resolve(undefined)
    await world.clock.advance(SECOND)
    expect(story(world.log)).toBe('1 [2..4 buffer-full] 5 6 7 8* 9* 10')
    expect(world.report()).toMatchObject({ delivered: 7, duplicates: 0 })
  })

  test.each([
    ['REST down', down],
    ['REST without an answer to give', nothing],
  ])('%s: holes one after the other do not wait one after the other', async (_name, answer) => {
    const world = createTapeWorld()
    world.rest.script = answer
    world.live(0)
    let longest = 0
    for (let id = 2; id <= 100; id += 2) {
      world.live(id)
      await world.clock.advance(SECOND)
      const waiting = (id - (world.log.pieces.at(-1)?.last ?? 0)) / 2
      longest = Math.max(longest, waiting)
    }
    expect(brokenAt(world.log.pieces)).toBeUndefined()
    expect(longest).toBeLessThanOrEqual(15 + 6)
  })

  test.each([
    ['down', down],
    ['empty', nothing],
  ])('a hole of many chunks waits no longer than a small one: REST %s', async (_name, answer) => {
    const world = createTapeWorld()
    world.rest.script = answer
    world.live(1)
    world.live(50_000)
    await world.clock.advance(21 * SECOND)
    expect(world.log.pieces.map(({ kind }) => kind)).toEqual(['trade', 'gap', 'trade'])
  })
})

describe('the age limit', () => {
  const HOLE = 1_000_000
  const resumed = async (rest: RestHistory, settings = {}): Promise<TapeWorld> => {
    const cursorStore: CursorStore = {
      load: () => Promise.resolve({ id: '1000', timestamp: rest.timeOf(1_000) }),
      save: () => Promise.resolve(),
    }
    const world = createTapeWorld({ rest, cursorStore, settings: { maxHeldTrades: 100_000, ...settings } })
    await world.tape.open()
    return world
  }

  test('a hole of a million: the old part is one gap, found with few requests, and the rest is read', async () => {
    const rest = new RestHistory()
    const end = 1_000 + HOLE
    // 100 a second: the last hour is all of 360,000; ten seconds of it may be read.
    rest.timeOf = (id) => START - (end - id) * 10
    const world = await resumed(rest, { maxBackfillMs: 10 * SECOND })
    world.live(end + 1)
    await world.clock.advance(251)
    expect(world.log.gaps).toMatchObject([{ fromId: '1001', reason: 'too-old', fromTime: rest.timeOf(1_000) }])
    const cut = Number(world.log.gaps[0]?.toId)
    expect(rest.timeOf(cut + 1)).toBeGreaterThanOrEqual(START - 10 * SECOND)
    expect(rest.timeOf(cut)).toBeLessThan(START - 10 * SECOND + 300)
    expect(brokenAt(world.log.pieces)).toBeUndefined()
    expect(world.log.pieces.at(-1)?.last).toBe(end + 1)
    // Halving, and the pages themselves.
    expect(rest.asked.length).toBeLessThan(45)
    await expectClosed(world)
  })

  test('a hole of a million that is too old altogether is one gap', async () => {
    const rest = new RestHistory()
    rest.timeOf = () => START - 2 * HOUR
    const world = await resumed(rest)
    world.live(1_000 + HOLE)
    await world.clock.advance(251)
    expect(story(world.log)).toBe(`[1001..${HOLE + 999} too-old] ${HOLE + 1_000}`)
    expect(rest.asked.length).toBeLessThan(30)
    await expectClosed(world)
  })

  test('a small hole is cut within its page', async () => {
    const rest = new RestHistory()
    rest.timeOf = (id) => (id < 1_030 ? START - 2 * HOUR : START - SECOND)
    const world = await resumed(rest)
    world.live(1_050)
    await world.clock.advance(251)
    expect(story(world.log)).toMatch(/^\[1001\.\.1029 too-old\] 1030\* .* 1049\* 1050$/)
    await expectClosed(world)
  })

  test('the limit does not run away from a repair that takes its time', async () => {
    // REST takes 100 ms an answer: finding the edge takes two seconds, in which 200 more trades grow too old.
    const rest = new RestHistory()
    const end = 1_000 + 1_000_000
    rest.timeOf = (id) => START - (end - id) * 10
    const world = await resumed(rest, { maxBackfillMs: 60 * SECOND })
    rest.script = async (before) => {
      await new Promise<void>((resolve) => void world.clock.after(100, resolve))
      return rest.page(before)
    }
    world.live(end + 1)
    await world.clock.advance(30 * SECOND)
    expect(world.log.gaps.map(({ reason }) => reason)).toEqual(['too-old'])
    expect(brokenAt(world.log.pieces)).toBeUndefined()
    expect(world.log.pieces.at(-1)?.last).toBe(end + 1)
    await expectClosed(world)
  })

  test('an old trade before the hole makes the hole no older', async () => {
    const rest = new RestHistory()
    const world = createTapeWorld({ rest })
    world.live(1, { at: START - 5 * HOUR })
    rest.timeOf = (id) => (id <= 1 ? START - 5 * HOUR : START)
    // REST does not have the newest yet: that is no reason to call it too old.
    rest.newest = 1
    world.live(4)
    await world.clock.advance(5 * SECOND)
    expect(story(world.log)).toBe('1')
    rest.newest = 4
    await world.clock.advance(6 * SECOND)
    expect(story(world.log)).toBe('1 2* 3* 4')
  })
})

describe('ids that cannot be right', () => {
  const FAR = 9_000_000_000_000

  test.each([
    ['well', undefined],
    ['down', down],
    ['empty', nothing],
  ] as const)('a damaged id is not believed when the market goes on before it: REST %s', async (_name, script) => {
    for (const damaged of [FAR, 300]) {
      const world = createTapeWorld()
      world.rest.script = script
      for (let id = 1; id <= 40; id++) {
        world.rest.newest = id
        if (id === 4) world.live(damaged)
        world.live(id)
        await world.clock.advance(500)
      }
      expect(story(world.log)).toBe(Array.from({ length: 40 }, (_, i) => i + 1).join(' '))
      expect(world.log.gaps).toEqual([])
      expect(world.log.errors).toMatchObject([{ code: 'FRAME_INVALID', message: /claims \d+ trades that do not exist/ }])
      expect(world.tape.isWhole).toBe(true)
      expect(world.clock.pending).toBe(0)
    }
  })

  test('its own trade is not lost: it is the hole that the others show', async () => {
    const world = createTapeWorld()
    world.rest.newest = 3
    for (const id of [1, FAR, 3, 4]) world.live(id)
    for (let id = 5; id <= 20; id++) {
      await world.clock.advance(SECOND)
      world.live(id)
    }
    await world.clock.advance(5 * SECOND)
    expect(story(world.log)).toMatch(/^1 2\* 3 4 5 .* 20$/)
  })

  test('a gap counts in the hour in which it ended, and is taken from there when it is filled', async () => {
    const world = createTapeWorld()
    world.rest.script = down
    world.live(1)
    await world.clock.advance(HOUR)
    world.live(4)
    await world.clock.advance(20 * SECOND)
    const missing = () => world.report().hours.map((hour) => [hour.hour, hour.delivered, hour.missing])
    expect(missing()).toEqual([
      [START, 1, 0],
      [START + HOUR, 1, 2],
    ])
    world.rest.script = undefined
    await world.clock.advance(60 * SECOND)
    expect(world.log.filled).toHaveLength(1)
    expect(missing()).toEqual([
      [START, 1, 0],
      [START + HOUR, 1, 0],
    ])
  })

  test('the trade whose id a damaged one has taken is none of its copies', async () => {
    const world = createTapeWorld()
    world.rest.newest = 2
    for (const id of [1, 2]) world.live(id)
    // This is 3; what is really 7 comes while it waits, twice, and then it is quiet.
    world.live(7)
    await world.clock.advance(3 * SECOND)
    for (const id of [4, 5, 6, 7, 7]) world.live(id)
    await world.clock.advance(30 * SECOND)
    expect(world.log.errors).toMatchObject([{ code: 'FRAME_INVALID' }])
    expect(story(world.log)).toBe('1 2 [3 rest-short] 4 5 6 7')
    expect(world.log.trades.at(-1)?.timestamp).toBe(START + 3 * SECOND)
    await expectClosed(world)
  })

  test('in a market too quiet to tell it is a gap within half a minute, and what comes then is not thrown away', async () => {
    const world = createTapeWorld()
    world.rest.newest = 2
    world.rest.timeOf = (id) => (id < 4 ? START : START + 40 * SECOND)
    for (const id of [1, 2, FAR]) world.live(id)
    await world.clock.advance(30 * SECOND)
    expect(story(world.log)).toBe(`1 2 [3..${FAR - 1} rest-short] ${FAR}`)
    await world.clock.advance(10 * SECOND)
    world.rest.newest = 4
    world.live(4)
    expect(world.tape.isWhole).toBe(false)
    await world.clock.advance(2 * SECOND)
    world.live(5)
    expect(story(world.log)).toBe(`1 2 [3..${FAR - 1} rest-short] ${FAR} [NaN..NaN ids-restarted] 4 5`)
  })

  test.each([
    ['goes on', true],
    ['is quiet', false],
  ])('a large hole is real whatever a REST that stands still does not know: the market %s', async (_name, goesOn) => {
    const world = createTapeWorld()
    world.rest.newest = 3
    world.live(3)
    await world.clock.advance(3 * SECOND)
    world.live(1_504)
    for (let i = 0; i < 28; i++) {
      if (goesOn) world.live(1_505 + i)
      await world.clock.advance(SECOND)
    }
    expect(story(world.log)).toMatch(/^3 \[4\.\.1503 rest-short\] 1504/)
    expect(world.log.errors).toEqual([])
    await expectClosed(world)
  })

  test.each([1_504, FAR, 7])('stop() tells of a hole that nobody has judged: up to %i', async (id) => {
    const world = createTapeWorld()
    world.rest.newest = 3
    world.live(3)
    world.live(id)
    await world.clock.advance(5 * SECOND)
    await expectClosed(world)
    expect(story(world.log)).toBe(`3 [4..${id - 1} stopped] ${id}`)
  })

  test('two damaged rows at once that follow each other are no stream', async () => {
    const world = createTapeWorld()
    world.rest.newest = 3
    for (const id of [1, 50_000, 50_001]) world.live(id)
    for (let id = 4; id <= 14; id++) {
      await world.clock.advance(SECOND)
      world.rest.newest = id
      world.live(id)
    }
    await world.clock.advance(5 * SECOND)
    expect(story(world.log)).toBe('1 2* 3* 4 5 6 7 8 9 10 11 12 13 14')
    expect(world.tape.isWhole).toBe(true)
  })

  test('one that REST confirms is believed', async () => {
    const world = createTapeWorld({ settings: { maxBackfillMs: 10 * SECOND } })
    const far = 5_000_000
    world.rest.timeOf = (id) => (id < far - 150 ? START - HOUR : START)
    world.live(1, { at: START - 2 * HOUR })
    world.live(far)
    await world.clock.advance(SECOND)
    expect(brokenAt(world.log.pieces)).toBeUndefined()
    expect(world.log.gaps).toMatchObject([{ fromId: '2', toId: String(far - 151), reason: 'too-old' }])
    expect(fillsIn(world.log.pieces, 'trade')).toBe(152)
  })

  describe('that begin anew', () => {
    const begun = async (): Promise<TapeWorld> => {
      const world = createTapeWorld()
      world.rest.newest = 1_000
      for (const id of [998, 999, 1_000]) {
        world.live(id)
        await world.clock.advance(SECOND)
      }
      return world
    }

    test('several trades that follow each other, and none on the old line: a gap of unknown size, and on it goes', async () => {
      const world = await begun()
      for (const id of [5, 6, 7]) world.live(id)
      expect(world.tape.isWhole).toBe(false)
      expect(world.log.gaps).toEqual([])
      await world.clock.advance(SECOND)
      world.live(8)
      expect(story(world.log)).toBe('998 999 1000 [NaN..NaN ids-restarted] 5 6 7 8')
      expect(world.log.gaps).toMatchObject([
        { fromId: undefined, toId: undefined, missing: undefined, fromTime: START + 2 * SECOND, toTime: START + 3 * SECOND },
      ])
      expect(world.report()).toMatchObject({ delivered: 7, missing: 0, unknownGaps: 1, duplicates: 0 })
      expect(world.tape.isWhole).toBe(true)
      expect(world.clock.pending).toBe(0)
    })

    test('one trade, and REST has it under that id: the same', async () => {
      const world = await begun()
      world.rest.newest = 5
      world.rest.timeOf = (id) => (id === 5 ? START + 3 * SECOND : START - HOUR)
      world.live(5)
      await world.clock.advance(SECOND)
      expect(story(world.log)).toBe('998 999 1000 [NaN..NaN ids-restarted] 5')
    })

    test.each([
      ['REST down', down],
      ['REST hangs', () => new Promise<never>(() => undefined)],
      ['REST without a word', nothing],
    ] as const)('nobody can tell: a gap in time; when they go on, they are the stream. %s', async (_name, script) => {
      const world = await begun()
      world.rest.script = script
      world.live(5)
      world.live(6)
      expect(world.tape.isWhole).toBe(false)
      await world.clock.advance(30 * SECOND)
      expect(story(world.log)).toBe('998 999 1000 [NaN..NaN ids-restarted]')
      expect(world.tape.isWhole).toBe(true)
      expect(world.clock.pending).toBe(0)
      world.live(7)
      await world.clock.advance(5 * SECOND)
      expect(story(world.log)).toBe('998 999 1000 [NaN..NaN ids-restarted] [NaN..NaN ids-restarted] 7')
    })

    test.each([false, true])('stop() while nobody can tell says so; with a cursor store: %s', async (hasStore) => {
      const cursorStore = hasStore ? createMemoryCursorStore() : undefined
      const world = createTapeWorld(cursorStore === undefined ? {} : { cursorStore })
      await world.tape.open()
      for (const id of [999, 1_000]) world.live(id)
      await world.clock.advance(SECOND)
      world.live(5)
      await expectClosed(world)
      expect(story(world.log)).toBe('999 1000 [NaN..NaN ids-restarted]')
    })

    test('stop() while several follow each other delivers them', async () => {
      const world = await begun()
      for (const id of [5, 6, 7]) world.live(id)
      await expectClosed(world)
      expect(story(world.log)).toBe('998 999 1000 [NaN..NaN ids-restarted] 5 6 7')
    })

    test('in the middle of a hole, with REST down: the hole is told, and on it goes', async () => {
      const world = await begun()
      world.rest.script = down
      world.live(1_010)
      await world.clock.advance(2 * SECOND)
      for (const id of [5, 6, 9]) world.live(id, { count: id === 9 ? 3 : 1 })
      await world.clock.advance(2 * SECOND)
      expect(story(world.log)).toBe('998 999 1000 [1001..1009 ids-restarted] 1010 [NaN..NaN ids-restarted] 5 6 7..9')
    })

    test('what REST still has under the old ids is not taken for the new ones', async () => {
      const world = await begun()
      world.rest.newest = Infinity
      for (const id of [5, 6, 7, 10]) world.live(id)
      await world.clock.advance(30 * SECOND)
      expect(story(world.log)).toBe('998 999 1000 [NaN..NaN ids-restarted] 5 6 7 [8..9 rest-short] 10')
    })

    test.each([
      ['a copy with a damaged time', 999],
      ['a damaged id', 12],
    ])('not so, when the old line goes on: %s', async (_name, id) => {
      for (const at of [START + HOUR, START + 5 * SECOND]) {
        const world = await begun()
        world.live(id, { at })
        for (let next = 1_001; next <= 1_008; next++) {
          world.live(next)
          await world.clock.advance(SECOND)
        }
        expect(story(world.log)).toBe('998 999 1000 1001 1002 1003 1004 1005 1006 1007 1008')
        expect(world.log.gaps).toEqual([])
        expect(world.report()).toMatchObject({ duplicates: 1, unknownGaps: 0 })
        expect(world.tape.isWhole).toBe(true)
        expect(world.clock.pending).toBe(0)
      }
    })

    test.each([
      ['REST down', down],
      ['REST that knows them', undefined],
      ['REST that stands still', (before: number) => Promise.resolve(before > 998 ? [] : [998, 997].map((id) => tradeOf(id)))],
    ] as const)('not so: what was sent before the exchange set its clock back comes again. %s', async (_name, script) => {
      const cursorStore: CursorStore = {
        load: () => Promise.resolve({ id: '1000', timestamp: START - HOUR }),
        save: () => Promise.resolve(),
      }
      const world = createTapeWorld({ cursorStore })
      const { clock, log } = world
      world.rest.newest = 1_006
      world.rest.timeOf = (id) => (id <= 999 ? START + id - 999 : START - HOUR + (id - 1_000) * SECOND)
      world.rest.script = script
      await world.tape.open()
      for (let id = 1_001; id <= 1_006; id++) {
        await clock.advance(SECOND)
        world.live(id, { at: clock.now() - HOUR })
      }
      for (const id of [995, 996, 997, 998]) world.live(id, { at: START + id - 999 })
      await clock.advance(30 * SECOND)
      world.live(1_007, { at: clock.now() - HOUR })
      expect(log.trades.map(({ data }) => data.id)).toEqual(['1001', '1002', '1003', '1004', '1005', '1006', '1007'])
      expect(world.tape.isWhole).toBe(true)
      await expectClosed(world)
    })

    test('and the exchange sets its clock forward at the same time: those that go on as time does are believed', async () => {
      const world = await begun()
      world.rest.script = down
      for (let id = 5; id <= 12; id++) {
        world.live(id, { at: world.clock.now() + HOUR })
        await world.clock.advance(SECOND)
      }
      expect(story(world.log)).toBe('998 999 1000 [NaN..NaN ids-restarted] 5 6 7 8 9 10 11 12')
    })

    test('copies of what was delivered before claim nothing', async () => {
      const world = createTapeWorld()
      world.rest.script = down
      for (let id = 701; id <= 1_000; id++) {
        world.live(id)
        await world.clock.advance(100)
      }
      for (const id of [5, 6, 7]) world.live(id)
      await world.clock.advance(2 * SECOND)
      for (const id of [998, 999, 1_000, 701, 702, 703]) world.live(id, { at: START + (id - 701) * 100 })
      await world.clock.advance(40 * SECOND)
      world.live(8)
      expect(story(world.log)).toMatch(/ 1000 \[NaN\.\.NaN ids-restarted\] 5 6 7 8$/)
      expect(world.report()).toMatchObject({ delivered: 304, duplicates: 6, unknownGaps: 1 })
      // A trade of now with such an id is a trade.
      world.live(705)
      await world.clock.advance(40 * SECOND)
      expect(story(world.log)).toMatch(/ 8 \[9\.\.704 rest-failed\] 705$/)
    })

    test('not so, when REST knows the newest trade to be no older: copies after a cursor with a damaged time', async () => {
      const cursorStore: CursorStore = {
        load: () => Promise.resolve({ id: '1000', timestamp: START - HOUR }),
        save: () => Promise.resolve(),
      }
      const world = createTapeWorld({ cursorStore })
      await world.tape.open()
      for (const id of [995, 996, 997]) world.live(id)
      await world.clock.advance(5 * SECOND)
      expect(story(world.log)).toBe('')
      expect(world.report()).toMatchObject({ duplicates: 3, unknownGaps: 0 })
      await expectClosed(world)
    })
  })

  test('an old copy is no restart', async () => {
    const world = createTapeWorld()
    world.live(1)
    world.live(2)
    await world.clock.advance(2 * HOUR)
    world.live(1, { at: START })
    world.live(3)
    expect(story(world.log)).toBe('1 2 3')
  })

  test('what REST has under the old ids after a restart fills no earlier gap', async () => {
    const world = createTapeWorld()
    world.rest.script = down
    world.live(10)
    world.live(20)
    await world.clock.advance(61 * SECOND)
    for (const id of [5, 6, 7]) world.live(id)
    await world.clock.advance(SECOND)
    world.rest.script = undefined
    await world.clock.advance(HOUR)
    expect(world.log.gaps.map(({ reason }) => reason)).toEqual(['rest-failed', 'ids-restarted'])
    expect(world.log.filled).toEqual([])
  })
})

describe('a time proves nothing', () => {
  test.each([3 * SECOND, 60 * SECOND, HOUR, -HOUR, -5 * SECOND])(
    'one trade stamped %i ms off, and then a hole with REST down: all is told within half a minute',
    async (off) => {
      const world = createTapeWorld({ settings: { maxBackfillMs: 10 * SECOND } })
      world.rest.script = down
      world.live(1)
      world.live(2, { at: START + off })
      for (let id = 5; id <= 60; id++) {
        world.live(id)
        await world.clock.advance(SECOND)
        const known = Math.max(0, id - 30)
        expect(world.log.pieces.at(-1)?.last).toBeGreaterThanOrEqual(known)
      }
      expect(brokenAt(world.log.pieces)).toBeUndefined()
      expect(story(world.log)).toMatch(/^1 2 \[3\.\.4 rest-failed\] 5 6 .* 60$/)
      expect(world.log.errors).toEqual([])
      await expectClosed(world)
    },
  )

  test.each([-HOUR, HOUR])('the exchange sets its clock by %i ms for good, and a message is lost', async (step) => {
    const world = createTapeWorld()
    world.rest.script = down
    let id = 1
    for (const off of [0, step]) {
      for (let i = 0; i < 40; i++) {
        if (i !== 0 && i !== 20) world.live(id, { at: world.clock.now() + off })
        id++
        await world.clock.advance(SECOND)
      }
    }
    await world.clock.advance(30 * SECOND)
    expect(brokenAt(world.log.pieces)).toBeUndefined()
    expect(world.log.pieces.at(-1)?.last).toBe(80)
    expect(world.log.gaps.map(({ fromId, toId, reason }) => [fromId, toId, reason])).toEqual([
      ['21', '21', 'rest-failed'],
      ['41', '41', 'rest-failed'],
      ['61', '61', 'rest-failed'],
    ])
    await expectClosed(world)
  })

  test('the wall clock is set while a hole is being looked for: it lasts as long as ever', async () => {
    for (const step of [-600 * SECOND, 2 * HOUR]) {
      const world = createTapeWorld()
      world.rest.script = down
      world.live(1)
      world.live(4)
      await world.clock.advance(5 * SECOND)
      world.clock.stepWall(step)
      await world.clock.advance(5 * SECOND)
      expect(world.log.gaps).toEqual([])
      await world.clock.advance(11 * SECOND)
      expect(story(world.log)).toBe('1 [2..3 rest-failed] 4')
      await expectClosed(world)
    }
  })

  test.each([2 * HOUR, -2 * HOUR])('a machine whose clock is %i ms off: what is seconds old is read', async (off) => {
    const clock = createVirtualClock(START + off)
    const cursorStore: CursorStore = {
      load: () => Promise.resolve({ id: '1', timestamp: START - 60 * SECOND }),
      save: () => Promise.resolve(),
    }
    for (const store of [cursorStore, undefined]) {
      const world = createTapeWorld({ clock, ...(store === undefined ? {} : { cursorStore: store }) })
      await world.tape.open()
      if (store === undefined) world.live(1, { at: START })
      world.live(4, { at: START })
      await world.clock.advance(SECOND)
      expect(story(world.log)).toBe(store === undefined ? '1 2* 3* 4' : '2* 3* 4')
      await expectClosed(world)
    }
  })

  test('a cursor bears no time that cannot be: its next process does not take an hour of new trades for copies', async () => {
    const cursorStore = createMemoryCursorStore()
    const world = createTapeWorld({ cursorStore })
    world.rest.script = down
    await world.tape.open()
    for (let id = 998; id <= 1_000; id++) {
      world.live(id, { at: world.clock.now() + (id === 1_000 ? HOUR : 0) })
      await world.clock.advance(SECOND)
    }
    await expectClosed(world)
    const next = createTapeWorld({ cursorStore, clock: world.clock })
    next.rest.script = down
    await next.tape.open()
    await next.clock.advance(5 * SECOND)
    for (let id = 5; id <= 10; id++) {
      next.live(id)
      await next.clock.advance(SECOND)
    }
    expect(story(next.log)).toBe('[NaN..NaN ids-restarted] 5 6 7 8 9 10')
    await expectClosed(next)
  })

  test('one old time in an answer of REST makes nothing too old', async () => {
    const rest = new RestHistory()
    const world = createTapeWorld({ rest })
    rest.timeOf = (id) => (id === 40 ? START - 5 * HOUR : START)
    world.live(1)
    world.live(50)
    await world.clock.advance(SECOND)
    expect(world.log.gaps).toEqual([])
    expect(world.log.trades).toHaveLength(50)
    // Behind an old trade, too: only what lies at the old end can be old.
    const quiet = createTapeWorld({ rest })
    quiet.live(1, { at: START - 9 * HOUR })
    quiet.live(50)
    await quiet.clock.advance(SECOND)
    expect(quiet.log.gaps).toEqual([])
    expect(quiet.log.trades).toHaveLength(50)
  })

  test('a REST that stands still for hours does not make old what it does not know', async () => {
    const rest = new RestHistory()
    const cursorStore: CursorStore = {
      load: () => Promise.resolve({ id: '10', timestamp: START - 3 * HOUR }),
      save: () => Promise.resolve(),
    }
    const world = createTapeWorld({ rest, cursorStore })
    rest.newest = 20
    rest.timeOf = () => START - 2 * HOUR
    await world.tape.open()
    world.live(5_000)
    await world.clock.advance(30 * SECOND)
    expect(story(world.log)).toBe('[11..20 too-old] [21..4999 rest-short] 5000')
    await expectClosed(world)
  })
})

describe('the end', () => {
  test('without a cursor store the holes are declared and the rest is delivered; no timer is left', async () => {
    const world = createTapeWorld()
    world.rest.script = () => new Promise(() => undefined)
    world.rest.script = (_before, _call, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    for (const id of [1, 4, 6]) world.live(id)
    await world.clock.advance(SECOND)
    await world.tape.close(true)
    expect(story(world.log)).toBe('1 [2..3 stopped] 4 [5 stopped] 6')
    expect(world.log.errors).toEqual([])
    expect(world.clock.pending).toBe(0)
    await world.clock.advance(HOUR)
    expect(world.log.filled).toEqual([])
  })

  test.each([
    ['in the grace time', 100, undefined],
    ['during the back-off', 1_000, down],
    ['with gaps that are still pursued', 40_000, down],
  ] as const)('%s', async (_name, afterMs, script) => {
    const world = createTapeWorld()
    world.rest.script = script
    for (const id of [1, 4]) world.live(id)
    await world.clock.advance(afterMs)
    await world.tape.close(true)
    expect(world.clock.pending).toBe(0)
    expect(brokenAt(world.log.pieces)).toBeUndefined()
    expect(world.log.pieces.at(-1)?.last).toBe(4)
  })

  test('with a cursor store the hole is left to the next start, which fills it', async () => {
    const cursorStore = createMemoryCursorStore()
    const first = createTapeWorld({ cursorStore })
    await first.tape.open()
    first.rest.script = down
    for (const id of [1, 2, 5]) first.live(id)
    await first.clock.advance(3 * SECOND)
    await expectClosed(first)
    expect(story(first.log)).toBe('1 2')
    const second = createTapeWorld({ cursorStore, log: first.log })
    await second.tape.open()
    second.live(8)
    await second.clock.advance(SECOND)
    expect(story(second.log)).toBe('1 2 3* 4* 5* 6* 7* 8')
    await expectClosed(second)
  })

  test('with a cursor store that cannot keep it, the holes are declared', async () => {
    const cursorStore: CursorStore = {
      load: () => Promise.resolve(undefined),
      save: () => Promise.reject(new Error('disk full')),
    }
    const world = createTapeWorld({ cursorStore })
    await world.tape.open()
    world.rest.script = down
    for (const id of [1, 2, 5]) world.live(id)
    await expectClosed(world)
    expect(story(world.log)).toBe('1 2 [3..4 stopped] 5')
    // That the first one could not be kept, and the last.
    const failed = { code: 'CURSOR_FAILED', message: 'disk full' }
    expect(world.log.errors).toMatchObject([failed, failed])
  })

  test('a restart keeps everything: what was held, the hole, and gaps that are pursued', async () => {
    const world = createTapeWorld()
    world.rest.script = down
    for (const id of [1, 4]) world.live(id)
    await world.clock.advance(30 * SECOND)
    expect(story(world.log)).toBe('1 [2..3 rest-failed] 4')
    world.live(8)
    await world.clock.advance(100)
    await world.tape.close(false)
    expect(world.clock.pending).toBe(0)
    expect(story(world.log)).toBe('1 [2..3 rest-failed] 4')
    world.rest.script = undefined
    await world.tape.open()
    world.live(9)
    await world.clock.advance(60 * SECOND)
    expect(story(world.log)).toBe('1 [2..3 rest-failed] 4 5* 6* 7* 8 9')
    expect(world.log.filled).toHaveLength(1)
  })
})

describe('the cursor', () => {
  function recordingStore(delayMs: (call: number) => number, world: () => TapeWorld) {
    const saved: TapeCursor[] = []
    let [running, mostRunning, calls] = [0, 0, 0]
    const store: CursorStore = {
      load: () => Promise.resolve(undefined),
      async save(_stream, cursor) {
        mostRunning = Math.max(mostRunning, ++running)
        const ms = delayMs(calls++)
        if (ms > 0) await new Promise<void>((resolve) => void world().clock.after(ms, resolve))
        saved.push(cursor)
        running--
      },
    }
    return { store, saved, most: () => mostRunning }
  }

  test('is saved at most once a second, and at the end', async () => {
    const { store, saved } = recordingStore(
      () => 0,
      () => world,
    )
    const world = createTapeWorld({ cursorStore: store })
    await world.tape.open()
    for (let id = 1; id <= 100; id++) {
      world.live(id)
      await world.clock.advance(50)
    }
    // The first stands before the first trade, and is there before anybody has seen that.
    expect(saved[0]).toEqual({ id: '0', timestamp: START })
    expect(saved.length - 1).toBeLessThanOrEqual(5)
    await world.tape.close(true)
    expect(saved.at(-1)).toEqual({ id: '100', timestamp: START + 99 * 50 })
    expect(world.clock.pending).toBe(0)
  })

  test('never goes back, however slow the store is', async () => {
    const { store, saved, most } = recordingStore(
      (call) => [2_500, 10, 1_700][call % 3]!,
      () => world,
    )
    const world = createTapeWorld({ cursorStore: store })
    await world.tape.open()
    for (let id = 1; id <= 100; id++) {
      world.live(id)
      await world.clock.advance(100)
    }
    await expectClosed(world)
    const ids = saved.map(({ id }) => Number(id))
    expect(ids).toEqual(ids.toSorted((a, b) => a - b))
    expect(ids.at(-1)).toBe(100)
    expect(most()).toBe(1)
  })

  test('stands before the hole, not behind what is held', async () => {
    const { store, saved } = recordingStore(
      () => 0,
      () => world,
    )
    const world = createTapeWorld({ cursorStore: store })
    await world.tape.open()
    world.rest.script = down
    for (const id of [1, 2, 9]) world.live(id)
    await world.clock.advance(2 * SECOND)
    expect(saved.at(-1)?.id).toBe('2')
    await expectClosed(world)
    expect(saved.at(-1)?.id).toBe('2')
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('no disk'))],
    [
      'throws',
      () => {
        throw new Error('no disk')
      },
    ],
    ['hangs', () => new Promise<undefined>(() => undefined)],
  ])('a store that %s on load costs an error', async (_name, load) => {
    const world = createTapeWorld({ cursorStore: { load, save: () => Promise.resolve() } })
    const opened = world.tape.open()
    world.live(7)
    await inVirtualTime(world.clock, opened)
    world.live(8)
    expect(story(world.log)).toBe('7 8')
    expect(world.log.errors).toMatchObject([{ code: 'CURSOR_FAILED' }])
    await expectClosed(world)
  })

  describe('a store that is away when the tape opens', () => {
    /** Away for the first so many loads. */
    function fickleStore(cursor: TapeCursor | undefined, failures: number) {
      const saved: TapeCursor[] = []
      const load = () => (failures-- > 0 ? Promise.reject(new Error('away')) : Promise.resolve(cursor))
      return { saved, load, save: (_stream: string, next: TapeCursor) => Promise.resolve(void saved.push(next)) }
    }

    test('what lies between its cursor and the beginning is a gap, and found', async () => {
      const store = fickleStore({ id: '3', timestamp: START - 10 * SECOND }, 3)
      const world = createTapeWorld({ cursorStore: store })
      await world.tape.open()
      world.live(9)
      await world.clock.advance(1_200)
      world.live(10)
      // The old cursor still tells of the hole: it is not overwritten before it has been read.
      expect(store.saved).toEqual([])
      await world.clock.advance(120 * SECOND)
      expect(world.log.gaps).toMatchObject([{ fromId: '4', toId: '8', reason: 'cursor-late', filled: false }])
      expect(world.log.filled).toMatchObject([{ fromId: '4', toId: '8', reason: 'cursor-late', filled: true }])
      expect(world.log.filled[0]?.trades).toHaveLength(5)
      expect(world.log.errors).toMatchObject([{ code: 'CURSOR_FAILED' }])
      expect(world.report()).toMatchObject({ delivered: 2, missing: 0 })
      world.live(11)
      await world.clock.advance(2 * SECOND)
      expect(store.saved.at(-1)).toMatchObject({ id: '11' })
      await expectClosed(world)
    })

    test('a large one is told in pieces; one that is too old is told, and not looked for', async () => {
      const large = createTapeWorld({ cursorStore: fickleStore({ id: '0', timestamp: START - SECOND }, 1) })
      await large.tape.open()
      large.live(12_001)
      await large.clock.advance(10 * SECOND)
      expect(large.log.gaps.map(({ fromId, toId }) => [fromId, toId])).toEqual([
        ['1', '5000'],
        ['5001', '10000'],
        ['10001', '12000'],
      ])
      await expectClosed(large)
      const old = createTapeWorld({ cursorStore: fickleStore({ id: '0', timestamp: START - 2 * HOUR }, 1) })
      await old.tape.open()
      old.live(12_001)
      await old.clock.advance(HOUR)
      expect(old.log.gaps).toMatchObject([{ fromId: '1', toId: '12000', reason: 'too-old', filled: false }])
      await expectClosed(old)
    })

    test('when nothing was traded meanwhile, or nothing was stored, there is no gap', async () => {
      for (const cursor of [{ id: '8', timestamp: START }, { id: '20', timestamp: START }, undefined]) {
        const store = fickleStore(cursor, 2)
        const world = createTapeWorld({ cursorStore: store })
        await world.tape.open()
        world.live(9)
        await world.clock.advance(10 * SECOND)
        world.live(10)
        await world.clock.advance(2 * SECOND)
        expect(story(world.log)).toBe('9 10')
        expect(store.saved.at(-1)).toMatchObject({ id: '10' })
        await expectClosed(world)
      }
    })

    test('a tape that has not begun takes it up; a restart goes on asking, a stop ends it', async () => {
      const store = fickleStore({ id: '3', timestamp: START }, 2)
      const world = createTapeWorld({ cursorStore: store })
      await world.tape.open()
      await world.tape.close(false)
      await world.clock.advance(60 * SECOND)
      await world.tape.open()
      await world.clock.advance(10 * SECOND)
      world.live(6)
      await world.clock.advance(10 * SECOND)
      expect(story(world.log)).toBe('4* 5* 6')
      await expectClosed(world)

      const away = fickleStore({ id: '3', timestamp: START }, 1e9)
      const stopped = createTapeWorld({ cursorStore: away })
      await stopped.tape.open()
      stopped.live(9)
      await stopped.clock.advance(60 * SECOND)
      await expectClosed(stopped)
      expect(away.saved).toEqual([])
    })
  })

  test.each([undefined, { id: 'x', timestamp: 1 }, null])('a stored cursor of %j is none', async (cursor) => {
    const load = () => Promise.resolve(cursor as TapeCursor | undefined)
    const world = createTapeWorld({ cursorStore: { load, save: () => Promise.resolve() } })
    await world.tape.open()
    world.live(7)
    expect(story(world.log)).toBe('7')
    expect(world.log.errors).toEqual([])
    await expectClosed(world)
  })

  test('trades that come while it is being read wait for it', async () => {
    const { promise, resolve } = deferred<TapeCursor | undefined>()
    const world = createTapeWorld({ cursorStore: { load: () => promise, save: () => Promise.resolve() } })
    const opened = world.tape.open()
    world.live(7)
    world.live(8)
    expect(story(world.log)).toBe('')
    resolve({ id: '5', timestamp: START })
    await opened
    await world.clock.advance(250)
    expect(story(world.log)).toBe('6* 7 8')
    await expectClosed(world)
  })
})

test('a listener that stops the tape from within its own event breaks nothing', async () => {
  const closing = vi.fn()
  const world: TapeWorld = createTapeWorld({
    onDelivered: ({ data }) => {
      if (data.id === '3') closing(world.tape.close(true))
    },
  })
  for (const id of [1, 4, 5]) world.live(id)
  await world.clock.advance(SECOND)
  expect(closing).toHaveBeenCalledOnce()
  expect(brokenAt(world.log.pieces)).toBeUndefined()
  expect(world.log.pieces.at(-1)?.last).toBe(5)
  expect(world.clock.pending).toBe(0)
})
