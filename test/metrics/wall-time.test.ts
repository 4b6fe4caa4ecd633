import { expect, test } from 'vitest'
import { WallTime } from '../../src/metrics/wall-time.ts'
import { createVirtualClock } from '../../src/testing/virtual-clock.ts'

const HOUR_MS = 3_600_000

/** Something that took 40 ms, every second; `wrong` is by how much the wall clock is wrong just now. */
function setUp(wrong = 0) {
  const clock = createVirtualClock()
  const startsAt = clock.now()
  clock.stepWall(wrong)
  const wall = new WallTime(clock)
  return {
    clock,
    took: async (): Promise<number> => {
      await clock.advance(1_000)
      return wall.since(startsAt + clock.elapsed() - 40, clock.elapsed())
    },
  }
}

test.each([HOUR_MS, -HOUR_MS, 5_000, -5_000])(
  'a clock that is set wrong by %i ms, and right again, changes nothing',
  async (stepMs) => {
    const { clock, took } = setUp()
    expect(await took()).toBe(40)
    clock.stepWall(stepMs)
    expect([await took(), await took()]).toEqual([40, 40])
    clock.stepWall(-stepMs)
    expect([await took(), await took()]).toEqual([40, 40])
  },
)

test('a clock that was wrong from the start is right as soon as it is set', async () => {
  const { clock, took } = setUp(-HOUR_MS)
  expect(await took()).toBe(40 - HOUR_MS)
  clock.stepWall(HOUR_MS)
  expect([await took(), await took()]).toEqual([40, 40])
})

test('a clock that is slewed is followed', async () => {
  const { clock, took } = setUp()
  clock.stepWall(300)
  expect(await took()).toBe(340)
  clock.stepWall(-300)
  expect(await took()).toBe(40)
})
