import { expect, test } from 'vitest'
import { SlidingWindow } from '../../src/core/sliding-window.ts'
import fc from '../support/fast-check.ts'

test('fits count events, then waits for the oldest to leave', () => {
  const window = new SlidingWindow(2, 1_000)
  expect(window.nextAt(10)).toBe(10)
  window.note(10)
  window.note(20)
  expect(window.nextAt(20)).toBe(1_010)
  expect(window.nextAt(1_009)).toBe(1_010)
  expect(window.nextAt(1_010)).toBe(1_010)
  window.note(1_010)
  expect(window.nextAt(1_010)).toBe(1_020)
})

test('whoever obeys nextAt never has more than count events in any window, and never waits longer than needed', () => {
  const gaps = fc.array(fc.nat(400), { minLength: 1, maxLength: 120, size: 'max' })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 1_000 }), gaps, (count, perMs, waits) => {
      const window = new SlidingWindow(count, perMs)
      const times: number[] = []
      let now = 0
      for (const wait of waits) {
        now += wait
        const at = window.nextAt(now)
        expect(at).toBeGreaterThanOrEqual(now)
        const inWindow = (until: number): number => times.filter((time) => time > until - perMs).length
        expect(inWindow(at)).toBeLessThan(count)
        if (at > now) expect(inWindow(at - 1)).toBeGreaterThanOrEqual(count)
        now = at
        window.note(now)
        times.push(now)
      }
      for (const from of times)
        expect(times.filter((time) => time >= from && time < from + perMs).length).toBeLessThanOrEqual(count)
    }),
    { seed: 7, numRuns: 300 },
  )
})
