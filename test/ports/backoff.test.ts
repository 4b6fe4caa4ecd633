import { describe, expect, test } from 'vitest'
import { backoffDelay } from '../../src/ports/backoff.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import fc from '../support/fast-check.ts'

const POLICY = { baseMs: 1_000, capMs: 30_000 }

test.each([
  [0, 1_000],
  [1, 2_000],
  [4, 16_000],
  [5, 30_000],
  [29, 30_000],
  [10_000, 30_000],
])('the ceiling of attempt %i is %i ms', (attempt, ceiling) => {
  expect(backoffDelay(attempt, POLICY, () => 0)).toBe(0)
  expect(backoffDelay(attempt, POLICY, () => 0.5)).toBe(ceiling / 2)
  expect(backoffDelay(attempt, POLICY, () => 1 - Number.EPSILON)).toBeCloseTo(ceiling, 5)
})

test('never above the ceiling, never negative, always a number', () => {
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(
      fc.nat(100_000),
      fc.integer({ min: 1, max: 1e6 }),
      fc.integer({ min: 1, max: 1e9 }),
      draw,
      (attempt, baseMs, capMs, random) => {
        const delay = backoffDelay(attempt, { baseMs, capMs }, () => random)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30)))
      },
    ),
    { seed: 6, numRuns: 500 },
  )
})

describe('distribution', () => {
  test.each([0, 3, 5, 50])('uniform below the ceiling, also at the cap: attempt %i', (attempt) => {
    const random = seededRandom(attempt)
    const ceiling = Math.min(POLICY.capMs, POLICY.baseMs * 2 ** attempt)
    const buckets = new Array<number>(10).fill(0)
    const draws = 10_000
    for (let i = 0; i < draws; i++) {
      const bucket = Math.floor((backoffDelay(attempt, POLICY, random) / ceiling) * 10)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }
    expect(buckets).toHaveLength(10)
    // Chi-square with 9 degrees of freedom: 27.9 is passed once in a thousand; the seed is fixed.
    const chiSquare = buckets.reduce((sum, count) => sum + (count - draws / 10) ** 2 / (draws / 10), 0)
    expect(chiSquare).toBeLessThan(27.9)
  })
})
