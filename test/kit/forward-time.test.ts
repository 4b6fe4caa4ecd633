import { createVirtualClock } from 'tapekeeper/testing'
import { expect, test } from 'vitest'
import { forwardTime } from '../../src/kit/forward-time.ts'

test('it is the time of the wall clock, in whole milliseconds', () => {
  const clock = { ...createVirtualClock(), now: () => 1_700_000_000_000.75 }
  expect(forwardTime(clock)).toBe(1_700_000_000_000)
})

test('it goes on with the wall clock, stands while that is behind, and never goes back', async () => {
  const clock = createVirtualClock()
  const start = clock.now()
  expect(forwardTime(clock)).toBe(start)
  clock.stepWall(-600_000)
  await clock.advance(1_000)
  expect(forwardTime(clock)).toBe(start)
  clock.stepWall(1_200_000)
  expect(forwardTime(clock)).toBe(clock.now())
  expect(forwardTime(clock)).toBeGreaterThan(start)
})

test('each clock has its own', async () => {
  const [one, other] = [createVirtualClock(), createVirtualClock()]
  one.stepWall(3_600_000)
  forwardTime(one)
  await other.advance(5)
  expect(forwardTime(other)).toBe(other.now())
})
