import { describe, expect, test } from 'vitest'
import { Rhythm } from '../../../src/core/collector/rhythm.ts'
import fc from '../../support/fast-check.ts'

function rhythmOf(times: readonly (number | 'interrupt')[]): Rhythm {
  const rhythm = new Rhythm()
  for (const time of times) {
    if (time === 'interrupt') rhythm.interrupt()
    else rhythm.note(time)
  }
  return rhythm
}

test.each<[string, (number | 'interrupt')[], number | undefined, number]>([
  ['nothing', [], undefined, 0],
  ['one message is no rhythm', [5], undefined, 0],
  ['two', [0, 100], 100, 1],
  ['the first few count alike', [0, 100, 400], 200, 2],
  ['all in one millisecond', [7, 7, 7], 0, 2],
  ['a pause of ours is no gap', [0, 100, 'interrupt', 90_000, 90_100], 100, 2],
  ['interrupted twice, and before anything', ['interrupt', 'interrupt', 0, 'interrupt', 10], undefined, 0],
])('%s', (_name, times, intervalMs, gaps) => {
  const rhythm = rhythmOf(times)
  expect([rhythm.intervalMs, rhythm.gaps]).toEqual([intervalMs, gaps])
})

describe('follows the stream', () => {
  const steady = (count: number, everyMs: number, from = 0): number[] =>
    Array.from({ length: count }, (_, i) => from + i * everyMs)

  test('that turns fast after a slow time: within some two hundred messages', () => {
    const slow = steady(50, 60_000)
    const last = slow.at(-1)!
    expect(rhythmOf([...slow, ...steady(250, 50, last)]).intervalMs).toBeLessThan(100)
  })

  test('one long gap makes a fast stream neither slow nor unsuspicious', () => {
    const rhythm = rhythmOf([...steady(500, 100), 500 * 100 + 10_000])
    expect(rhythm.intervalMs).toBeGreaterThan(100)
    expect(rhythm.intervalMs).toBeLessThan(500)
  })
})

test('the average lies between the shortest and the longest gap, whatever comes', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 200 }), (gaps) => {
      const rhythm = new Rhythm()
      let at = 0
      rhythm.note(at)
      for (const gap of gaps) rhythm.note((at += gap))
      expect(rhythm.gaps).toBe(gaps.length)
      expect(rhythm.intervalMs).toBeGreaterThanOrEqual(Math.min(...gaps) - 1e-6)
      expect(rhythm.intervalMs).toBeLessThanOrEqual(Math.max(...gaps) + 1e-6)
    }),
    { seed: 3, numRuns: 500 },
  )
})
