import { describe, expect, test } from 'vitest'
import type { Gap } from '../../../src/domain/gap.ts'
import { findable, LateFiller } from '../../../src/core/tape/late-filler.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { HOUR, RestHistory, SECOND, START } from './tape-world.ts'

const gapOf = (first: number, last = first): Gap => ({
  exchange: 'acme',
  symbol: 'ABC-USD',
  stream: 's',
  fromId: String(first),
  toId: String(last),
  fromTime: START,
  toTime: START,
  missing: last - first + 1,
  reason: 'rest-failed',
  filled: false,
  trades: undefined,
  at: START,
})

function createWorld(rest = new RestHistory()) {
  const clock = createVirtualClock(START)
  const filled: string[] = []
  const givenUp: string[] = []
  const state = { isRepairing: false }
  const world = { clock, random: seededRandom(1), pageBefore: rest.pageBefore, isRepairing: () => state.isRepairing }
  const filler = new LateFiller(world, {
    onFilled: (gap, trades) => filled.push(`${gap.fromId}..${gap.toId}: ${trades.map(({ data }) => data.id).join()}`),
    onGivenUp: ({ fromId, toId }) => givenUp.push(`${fromId}..${toId}`),
  })
  return { clock, rest, filler, filled, givenUp, state }
}

describe('going after gaps', () => {
  test('finds them one after the other, and not at once', async () => {
    const { clock, filler, filled } = createWorld()
    filler.add(gapOf(5, 7))
    filler.add(gapOf(20))
    await clock.advance(5 * SECOND - 1)
    expect(filled).toEqual([])
    await clock.advance(30 * SECOND)
    expect(filled).toEqual(['5..7: 5,6,7', '20..20: 20'])
    expect(clock.pending).toBe(0)
  })

  test('a part is not enough', async () => {
    const { clock, rest, filler, filled } = createWorld()
    rest.absent.add(6)
    filler.add(gapOf(5, 7))
    await clock.advance(60 * SECOND)
    expect(filled).toEqual([])
    rest.absent.clear()
    await clock.advance(HOUR)
    expect(filled).toEqual(['5..7: 5,6,7'])
  })

  test('asks ever more rarely, and one day no more', async () => {
    const { clock, rest, filler, filled } = createWorld()
    rest.newest = 0
    filler.add(gapOf(5))
    const asked: number[] = []
    for (let minute = 0; minute < 120; minute++) {
      const before = rest.asked.length
      await clock.advance(60 * SECOND)
      asked.push(rest.asked.length - before)
    }
    expect(rest.asked).toHaveLength(12)
    expect(asked[0]).toBeGreaterThan(1)
    expect(filled).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('one that cannot be found does not keep the others waiting', async () => {
    const { clock, rest, filler, filled } = createWorld()
    rest.absent.add(5)
    filler.add(gapOf(5))
    for (let id = 10; id < 30; id++) filler.add(gapOf(id))
    await clock.advance(HOUR)
    expect(filled).toHaveLength(20)
  })

  test('a thousand at most', async () => {
    const { clock, filler, filled } = createWorld()
    for (let id = 1; id <= 1_500; id++) filler.add(gapOf(id))
    await clock.advance(24 * HOUR)
    expect(filled.length).toBeLessThanOrEqual(1_001)
    expect(filled.at(-1)).toBe('1500..1500: 1500')
    expect(clock.pending).toBe(0)
  })

  test('stops at once, and goes on with the same gaps', async () => {
    const { clock, filler, filled, rest } = createWorld()
    filler.add(gapOf(5))
    filler.stop()
    expect(clock.pending).toBe(0)
    await clock.advance(HOUR)
    expect(rest.asked).toEqual([])
    filler.resume()
    await clock.advance(20 * SECOND)
    expect(filled).toEqual(['5..5: 5'])
  })

  test('stopped while it is asking: the answer is not heard, and the gap not forgotten', async () => {
    const { clock, filler, filled, rest } = createWorld()
    let answer: () => void = () => undefined
    rest.script = async (before) => {
      await new Promise<void>((resolve) => (answer = resolve))
      return rest.page(before)
    }
    filler.add(gapOf(5))
    await clock.advance(20 * SECOND)
    filler.stop()
    filler.resume()
    answer()
    await clock.settle()
    expect(filled).toEqual([])
    rest.script = undefined
    await clock.advance(60 * SECOND)
    expect(filled).toEqual(['5..5: 5'])
    expect(clock.pending).toBe(0)
  })

  test('what is forgotten is not asked for', async () => {
    const { clock, filler, rest, filled } = createWorld()
    filler.add(gapOf(5))
    filler.forgetAll()
    await clock.advance(HOUR)
    expect(rest.asked).toEqual([])
    filler.add(gapOf(6))
    await clock.advance(60 * SECOND)
    expect(filled).toEqual(['6..6: 6'])
  })

  const minutes = (clock: { elapsed(): number }, since: number): number => (clock.elapsed() - since) / (60 * SECOND)

  test('one that can be filled does not stand in line behind those that cannot', async () => {
    const { clock, rest, filler, filled, givenUp } = createWorld()
    // 20 that never existed, far from each other, and one behind them.
    for (let i = 0; i < 20; i++) {
      rest.absent.add(1_000 * (i + 1))
      filler.add(gapOf(1_000 * (i + 1)))
    }
    filler.add(gapOf(50_000, 50_002))
    const since = clock.elapsed()
    while (filled.length === 0) await clock.advance(SECOND)
    expect(minutes(clock, since)).toBeLessThan(0.5)
    expect(givenUp).toEqual([])
    await clock.advance(2 * HOUR)
    expect(givenUp).toHaveLength(20)
    expect(rest.asked.length).toBeLessThanOrEqual(20 * 12 + 1)
    expect(clock.pending).toBe(0)
  })

  test('200 small ones that lie on ten pages are found with about ten pages, soon after REST is back', async () => {
    const { clock, rest, filler, filled } = createWorld()
    rest.script = () => Promise.reject(new Error('down'))
    for (let i = 0; i < 200; i++) filler.add(gapOf(1_000 + 5 * i))
    await clock.advance(HOUR)
    expect(filled).toEqual([])
    // One asks for all of them.
    expect(rest.asked.length).toBeLessThan(130)
    rest.script = undefined
    const before = rest.asked.length
    await clock.advance(70 * SECOND)
    expect(filled).toHaveLength(200)
    expect(filled.slice(0, 2)).toEqual(['1000..1000: 1000', '1005..1005: 1005'])
    expect(rest.asked.length - before).toBeLessThanOrEqual(11)
    expect(clock.pending).toBe(0)
  })

  test('200 scattered ones are found at a steady pace, and at once when others have seen REST come back', async () => {
    const { clock, rest, filler, filled } = createWorld()
    rest.script = () => Promise.reject(new Error('down'))
    for (let i = 0; i < 200; i++) filler.add(gapOf(10_000 * (i + 1)))
    await clock.advance(HOUR)
    rest.script = undefined
    filler.hurry()
    const times: number[] = []
    for (let second = 0; second < 110; second++) {
      const before = rest.asked.length
      await clock.advance(SECOND)
      times.push(rest.asked.length - before)
    }
    expect(filled).toHaveLength(200)
    expect(Math.max(...times)).toBeLessThanOrEqual(2)
  })

  test('that REST cannot be had costs no gap an attempt', async () => {
    const { clock, rest, filler, filled, givenUp } = createWorld()
    rest.script = () => Promise.reject(new Error('down'))
    filler.add(gapOf(5))
    await clock.advance(48 * HOUR)
    expect(givenUp).toEqual([])
    rest.script = undefined
    await clock.advance(70 * SECOND)
    expect(filled).toEqual(['5..5: 5'])
  })

  test('a page that fails in the middle fills what had come before it', async () => {
    const { clock, rest, filler, filled } = createWorld()
    filler.add(gapOf(1_000, 1_010))
    filler.add(gapOf(1_100, 1_110))
    filler.add(gapOf(1_200, 1_210))
    rest.script = (before) =>
      before < 1_190 && before > 1_050 ? undefined : before > 1_050 ? undefined : Promise.reject(new Error('down'))
    await clock.advance(20 * SECOND)
    expect(filled.map((text) => text.split(':')[0])).toEqual(['1100..1110', '1200..1210'])
    rest.script = undefined
    await clock.advance(90 * SECOND)
    expect(filled).toHaveLength(3)
  })

  test('what is being repaired goes first, but not for ever', async () => {
    const { clock, rest, filler, filled, state } = createWorld()
    filler.add(gapOf(5))
    state.isRepairing = true
    await clock.advance(20 * SECOND)
    expect(rest.asked).toEqual([])
    await clock.advance(15 * SECOND)
    expect(filled).toHaveLength(1)
    filler.add(gapOf(9))
    await clock.advance(14 * SECOND)
    state.isRepairing = false
    await clock.advance(2 * SECOND)
    expect(filled).toHaveLength(2)
  })

  test('a step of the wall clock, either way, changes nothing', async () => {
    for (const stepMs of [-HOUR, HOUR]) {
      const { clock, filler, filled } = createWorld()
      filler.add(gapOf(5))
      clock.stepWall(stepMs)
      await clock.advance(4 * SECOND)
      expect(filled).toEqual([])
      await clock.advance(12 * SECOND)
      expect(filled).toHaveLength(1)
    }
  })

  test('the same gap twice is looked for once; without ids, or too large to be held, not at all', async () => {
    const { clock, rest, filler, filled } = createWorld()
    expect([filler.add(gapOf(5)), filler.add(gapOf(5))]).toEqual([true, false])
    expect(filler.add({ ...gapOf(1), fromId: undefined, toId: undefined })).toBe(false)
    expect([filler.add(gapOf(1_000, 50_999)), filler.add(gapOf(1_000, 51_000))]).toEqual([true, false])
    expect(filler.add(gapOf(9, 7))).toBe(false)
    await clock.advance(60 * SECOND)
    expect(filled.map((text) => text.split(':')[0])).toEqual(expect.arrayContaining(['5..5', '1000..50999']))
    expect(filled).toHaveLength(2)
    expect(rest.asked.length).toBeLessThan(510)
  })

  test('of one gap inside another both are told, each with its own trades', async () => {
    const { clock, filler, filled } = createWorld()
    filler.add(gapOf(10, 20))
    filler.add(gapOf(12, 13))
    await clock.advance(30 * SECOND)
    expect(filled).toEqual(['10..20: 10,11,12,13,14,15,16,17,18,19,20', '12..13: 12,13'])
  })
})

describe('stored gaps', () => {
  test('that may be found: not what has its reason for ever, and nothing from before the ids began anew', () => {
    const at = (time: number, changes: Partial<Gap>): Gap => ({ ...gapOf(time), fromTime: time, toTime: time, ...changes })
    const gaps = [
      at(1, { reason: 'rest-failed' }),
      at(2, { reason: 'ids-restarted', fromId: undefined, toId: undefined }),
      ...(['rest-failed', 'rest-short', 'rest-wrong', 'buffer-full', 'cursor-late', 'stopped'] as const).map((reason) =>
        at(3, { reason }),
      ),
      ...(['too-old', 'unprovable', 'consumer-too-slow', 'not-stored'] as const).map((reason) => at(3, { reason })),
    ]
    expect(findable(gaps).map(({ reason }) => reason)).toEqual([
      'rest-failed',
      'rest-short',
      'rest-wrong',
      'buffer-full',
      'cursor-late',
      'stopped',
    ])
    expect(findable(gaps.slice(0, 1))).toHaveLength(1)
  })
})
