import { expect, test } from 'vitest'
import { isPlausibleTime, timeFlaw } from '../../src/domain/timestamp.ts'

const MS = Date.UTC(2026, 10, 30)

test.each([
  [MS / 1_000, 'is 1795996800, which looks like seconds'],
  [MS * 1_000, 'which looks like microseconds'],
  [MS * 1e6, 'which looks like nanoseconds'],
  [Date.UTC(2200, 0), 'expected whole epoch milliseconds from 2009 to 2100'],
  [MS + 0.5, 'expected whole epoch milliseconds'],
  [0, 'is 0; expected'],
  [-MS, 'expected whole epoch milliseconds'],
  [NaN, 'is NaN; expected'],
  [Infinity, 'is Infinity; expected'],
  ['1795996800000', 'is of type string'],
  [null, 'is null'],
  [undefined, 'is of type undefined'],
])('%s is no time, and the words say why', (time, words) => {
  expect(timeFlaw(time)).toContain(words)
  if (typeof time === 'number') expect(isPlausibleTime(time)).toBe(false)
})

test.each([MS, Date.UTC(2009, 0, 3), Date.UTC(2100, 0, 1) - 1])('%i is one', (time) => {
  expect(timeFlaw(time)).toBeUndefined()
  expect(isPlausibleTime(time)).toBe(true)
})
