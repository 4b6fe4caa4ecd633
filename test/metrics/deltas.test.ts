import { expect, test } from 'vitest'
import { Deltas } from '../../src/metrics/deltas.ts'
import fc from '../support/fast-check.ts'

test('increments of a total that only grows add up to it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), (steps) => {
      const deltas = new Deltas()
      let [total, sum] = [0, 0]
      for (const step of steps) sum += deltas.take('a', (total += step))
      expect(sum).toBe(total)
    }),
  )
})

test('a total that falls gives nothing, and counts again from there', () => {
  const deltas = new Deltas()
  expect([10, 4, 6, NaN, 7, Infinity].map((total) => deltas.take('a', total))).toEqual([10, 0, 2, 0, 1, 0])
  expect(deltas.take('b', 5)).toBe(5)
})

test('a total that starts again gives all of what it has come to since', () => {
  const deltas = new Deltas()
  expect([10, 4, 6, NaN, 0, 7].map((total) => deltas.take('a', total, true))).toEqual([10, 4, 2, 0, 0, 7])
})

test('what is counted is never less than the longest run of a total that starts again', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(1_000), { minLength: 1 })), (runs) => {
      const deltas = new Deltas()
      let [counted, all, longest] = [0, 0, 0]
      for (const steps of runs) {
        let total = 0
        for (const step of steps) counted += deltas.take('a', (total += step), true)
        all += total
        longest = Math.max(longest, total)
      }
      expect(counted).toBeLessThanOrEqual(all)
      expect(counted).toBeGreaterThanOrEqual(longest)
    }),
  )
})
