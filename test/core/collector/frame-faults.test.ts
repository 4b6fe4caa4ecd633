import { describe, expect, test } from 'vitest'
import { FrameFaults } from '../../../src/core/collector/frame-faults.ts'
import { occurrencesOf, TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'

function setUp() {
  const clock = createVirtualClock()
  const emitted: TapekeeperError[] = []
  let counted = 0
  const faults = new FrameFaults({
    clock,
    report: (error) => {
      emitted.push(error)
      counted += occurrencesOf(error)
    },
    count: (_code, times) => (counted += times),
  })
  return { clock, faults, emitted, counted: () => counted }
}

const bad = (more: Record<string, unknown> = {}): TapekeeperError => new TapekeeperError('FRAME_INVALID', 'bad', more)

describe('a flood of errors', () => {
  test('is counted to the last one and emitted fifty times in ten seconds', async () => {
    const { clock, faults, emitted, counted } = setUp()
    for (let i = 0; i < 10_000; i++) faults.add(bad())
    expect([emitted.length, counted()]).toEqual([50, 10_000])
    await clock.advance(9_999)
    faults.add(bad({ count: 7 }))
    expect([emitted.length, counted()]).toEqual([50, 10_007])
    await clock.advance(1)
    faults.add(bad())
    expect(emitted.slice(50)).toMatchObject([
      {
        code: 'FRAME_INVALID',
        message: '9957 more faults in frames were counted and not reported one by one',
        context: { unreported: 9_957 },
      },
      { message: 'bad' },
    ])
    expect(counted()).toBe(10_008)
    await clock.advance(60_000)
    faults.add(bad())
    expect(emitted).toHaveLength(53)
  })

  test('one that several subscriptions of a collector are told of is one', () => {
    const { faults, emitted, counted } = setUp()
    const error = bad()
    faults.add(error)
    faults.add(error)
    faults.add(bad())
    expect([emitted.length, counted()]).toEqual([2, 2])
  })

  test('whatever the wall clock does', async () => {
    const { clock, faults, emitted } = setUp()
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 100; i++) faults.add(bad())
      clock.stepWall(round % 2 === 0 ? -3_600_000 : 7_200_000)
    }
    expect(emitted).toHaveLength(50)
    await clock.advance(10_000)
    faults.add(bad())
    expect(emitted).toHaveLength(52)
  })
})
