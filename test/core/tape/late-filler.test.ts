import { describe, expect, test } from 'vitest'
import type { Gap } from '../../../src/domain/gap.ts'
import { LateFiller } from '../../../src/core/tape/late-filler.ts'
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
  const filler = new LateFiller({ clock, random: () => 0.5, pageBefore: rest.pageBefore }, (gap, trades) =>
    filled.push(`${gap.fromId}..${gap.toId}: ${trades.map(({ data }) => data.id).join()}`),
  )
  return { clock, rest, filler, filled }
}

describe('going after gaps', () => {
  test('finds them one after the other, and not at once', async () => {
    const { clock, filler, filled } = createWorld()
    filler.add(gapOf(5, 7))
    filler.add(gapOf(20))
    await clock.advance(5 * SECOND)
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
})
