import { describe, expect, test } from 'vitest'
import { Dialer } from '../../../src/core/link/dialer.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import fc from '../../support/fast-check.ts'

function setUp(random = () => 0) {
  const clock = createVirtualClock(0)
  const dialer = new Dialer(clock, random, 3)
  const dials: { name: string; at: number }[] = []
  const dial = (name: string, redial = false, then?: () => void) =>
    dialer.request(redial, () => {
      dials.push({ name, at: clock.now() })
      then?.()
    })
  return { clock, dialer, dials, dial }
}

const most = (times: readonly number[], perMs: number): number =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + perMs).length))

describe('first dials', () => {
  test('at most three in a second, in the order they came', async () => {
    const { clock, dialer, dials, dial } = setUp()
    for (let i = 0; i < 10; i++) dial(`n${i}`, false, () => queueMicrotask(() => dialer.opened()))
    await clock.advance(10_000)
    expect(dials.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, (_, i) => `n${i}`))
    expect(
      most(
        dials.map(({ at }) => at),
        1_000,
      ),
    ).toBe(3)
    expect(clock.pending).toBe(0)
  })

  test('one handshake at a time until the host has answered', async () => {
    const { clock, dialer, dials, dial } = setUp()
    dial('a')
    dial('b')
    dial('c')
    await clock.advance(60_000)
    expect(dials.map(({ name }) => name)).toEqual(['a'])
    dialer.opened()
    await clock.advance(0)
    expect(dials.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  test('a handshake that fails lets the next one try; one that is given up as well', async () => {
    const { clock, dialer, dials, dial } = setUp()
    dial('a')
    dial('b')
    dial('c')
    dialer.failed({ message: 'refused' })
    expect(dials.map(({ name }) => name)).toEqual(['a', 'b'])
    dialer.failed()
    await clock.settle()
    expect(dials.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })
})

describe('redials', () => {
  test('while nothing has proved stable: four in ten seconds', async () => {
    const { clock, dialer, dials, dial } = setUp()
    const again = (): void => {
      dialer.opened()
      dialer.disproved()
      dial('redial', true, () => queueMicrotask(again))
    }
    dial('redial', true, () => queueMicrotask(again))
    await clock.advance(60_000)
    expect(
      most(
        dials.map(({ at }) => at),
        10_000,
      ),
    ).toBe(4)
    expect(dials.length).toBeGreaterThanOrEqual(4 * 6)
  })

  test('a proven host takes them at the usual rate', async () => {
    const { clock, dialer, dials, dial } = setUp()
    dial('first')
    dialer.opened()
    dialer.proved()
    for (let i = 0; i < 12; i++) dial(`r${i}`, true, () => queueMicrotask(() => dialer.opened()))
    await clock.advance(5_000)
    expect(dials).toHaveLength(13)
  })

  test('a redial that waits does not block a first dial', async () => {
    const { clock, dialer, dials, dial } = setUp()
    dial('x', true)
    dialer.opened()
    for (let i = 0; i < 6; i++) dial(`r${i}`, true, () => queueMicrotask(() => dialer.opened()))
    await clock.advance(3_000)
    expect(dials).toHaveLength(4)
    dial('first')
    expect(dials.at(-1)?.name).toBe('first')
  })

  test('one young link that fails does not slow down a host on which others do well', async () => {
    const { clock, dialer, dials, dial } = setUp()
    for (let i = 0; i < 20; i++) dial(`n${i}`, false, () => queueMicrotask(() => dialer.opened()))
    await clock.advance(60_000)
    for (let i = 0; i < 20; i++) dialer.proved()
    dialer.disproved()
    for (let i = 0; i < 10; i++) dial(`r${i}`, true, () => queueMicrotask(() => dialer.opened()))
    await clock.advance(6_000)
    expect(dials).toHaveLength(30)
    // When the last good one has gone, they are rationed again.
    for (let i = 0; i < 20; i++) dialer.retired()
    for (let i = 0; i < 10; i++) dial(`x${i}`, true, () => queueMicrotask(() => dialer.opened()))
    await clock.advance(6_000)
    expect(dials.length).toBeLessThanOrEqual(34)
  })

  test('proof releases those that wait', async () => {
    const { clock, dialer, dials, dial } = setUp()
    dial('x', true)
    dialer.opened()
    for (let i = 0; i < 4; i++) dial(`r${i}`, true, () => queueMicrotask(() => dialer.opened()))
    await clock.advance(3_000)
    expect(dials).toHaveLength(4)
    dialer.proved()
    expect(dials).toHaveLength(5)
    await clock.advance(20_000)
    expect(clock.pending).toBe(0)
  })
})

describe('held back', () => {
  test.each([
    [429, 30_000, 30_000],
    [418, 7_000, 7_000],
    [429, undefined, 10_000],
    [418, 0, 0],
  ])('HTTP %i with Retry-After %s ms holds everybody for %i ms', async (status, retryAfterMs, expected) => {
    const { clock, dialer, dials, dial } = setUp()
    dial('a')
    dialer.failed({ message: 'refused', status, retryAfterMs })
    dial('b')
    dial('c', true)
    await clock.advance(Math.max(0, expected - 1))
    expect(dials).toHaveLength(expected === 0 ? 2 : 1)
    await clock.advance(1)
    expect(dials).toHaveLength(2)
    expect(dials[1]?.at).toBe(expected)
  })

  test('the longer of two holds counts, and jitter only adds', async () => {
    const { clock, dialer, dials, dial } = setUp(() => 0.5)
    dial('a')
    dialer.failed({ message: 'refused', status: 429, retryAfterMs: 20_000 })
    dial('b')
    await clock.advance(20_499)
    expect(dials).toHaveLength(1)
    await clock.advance(1)
    expect(dials).toHaveLength(2)
    dialer.failed({ message: 'refused', status: 429, retryAfterMs: 1_000 })
    dial('c')
    await clock.advance(1_499)
    expect(dials).toHaveLength(2)
    await clock.advance(1)
    expect(dials).toHaveLength(3)
  })

  test.each([Number.MAX_SAFE_INTEGER, Infinity, 946_080_000_000])(
    'a Retry-After of %s ms ends after ten minutes',
    async (asked) => {
      const { clock, dialer, dials, dial } = setUp()
      dial('a')
      dialer.failed({ message: 'refused', status: 429, retryAfterMs: asked })
      dial('b')
      await clock.advance(599_999)
      expect(dials).toHaveLength(1)
      await clock.advance(1)
      expect(dials).toHaveLength(2)
    },
  )

  test('one that is no time at all is none', async () => {
    const { clock, dialer, dials, dial } = setUp()
    dial('a')
    dialer.failed({ message: 'refused', status: 429, retryAfterMs: NaN })
    dial('b')
    await clock.advance(9_999)
    expect(dials).toHaveLength(1)
    await clock.advance(1)
    expect(dials).toHaveLength(2)
  })

  test.each([-3_600_000, 3_600_000])('the wall clock is set by %i ms meanwhile: nothing changes', async (stepMs) => {
    const { clock, dialer, dials, dial } = setUp()
    dial('a')
    dialer.failed({ message: 'refused', status: 429, retryAfterMs: 30_000 })
    for (let i = 0; i < 5; i++) dial(`b${i}`, false, () => queueMicrotask(() => dialer.opened()))
    clock.stepWall(stepMs)
    await clock.advance(29_999)
    expect(dials).toHaveLength(1)
    await clock.advance(1)
    expect(dials).toHaveLength(4)
    clock.stepWall(stepMs)
    await clock.advance(1_099)
    expect(dials).toHaveLength(4)
    await clock.advance(1)
    expect(dials).toHaveLength(6)
  })
})

describe('cancelling', () => {
  test('after dials that failed at once: no timer is left', async () => {
    const { clock, dialer, dial } = setUp()
    dial('a')
    const cancels = ['b', 'c', 'd', 'e', 'f'].map((name) => dial(name, false, () => dialer.failed({ message: 'no' })))
    dialer.failed({ message: 'no' })
    await clock.advance(1_000)
    for (const cancel of cancels) cancel()
    expect(clock.pending).toBe(0)
  })

  test('a request in the queue leaves no timer and is never called', async () => {
    const { clock, dialer, dials, dial } = setUp()
    dial('a')
    dialer.failed({ message: 'refused', status: 429, retryAfterMs: 60_000 })
    const cancelB = dial('b')
    const cancelC = dial('c', true)
    expect(clock.pending).toBe(1)
    cancelB()
    cancelC()
    cancelC()
    expect(clock.pending).toBe(0)
    await clock.advance(120_000)
    expect(dials.map(({ name }) => name)).toEqual(['a'])
  })

  test('the first in the queue makes room for the next', async () => {
    const { clock, dialer, dials, dial } = setUp()
    dial('a')
    const cancel = dial('b')
    dial('c')
    cancel()
    dialer.opened()
    await clock.settle()
    expect(dials.map(({ name }) => name)).toEqual(['a', 'c'])
  })
})

test('a dial that throws does not block the host', () => {
  const { dialer, dials, dial } = setUp()
  const thrower = (): unknown =>
    dialer.request(false, () => {
      throw new Error('somebody else')
    })
  expect(thrower).toThrow('somebody else')
  dialer.failed({ message: 'no' })
  dial('next')
  expect(dials.map(({ name }) => name)).toEqual(['next'])
})

describe('any course of events', () => {
  const event = fc.record({
    wait: fc.nat(3_000),
    redial: fc.boolean(),
    outcome: fc.constantFrom('opened', 'proved', 'disproved', 'failed', 'refused', 'given-up', 'cancelled'),
  })

  test('keeps the limits, forgets nobody, and leaves no timer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 25, size: 'max' }), async (events) => {
        const clock = createVirtualClock(0)
        const dialer = new Dialer(clock, () => 0, 3)
        const times: number[] = []
        let waiting = 0
        for (const { wait, redial, outcome } of events) {
          await clock.advance(wait)
          waiting++
          const end = (): void => {
            if (outcome === 'failed') dialer.failed({ message: 'no' })
            else if (outcome === 'refused') dialer.failed({ message: 'no', status: 429, retryAfterMs: 2_000 })
            else if (outcome === 'given-up') dialer.failed()
            else {
              dialer.opened()
              if (outcome === 'proved') dialer.proved()
              else if (outcome === 'disproved') dialer.disproved()
            }
          }
          const cancel = dialer.request(redial, () => {
            times.push(clock.now())
            waiting--
            clock.after(50, end)
          })
          if (outcome === 'cancelled' && times.length === 0) {
            cancel()
            waiting--
          }
        }
        await clock.advance(600_000)
        expect(waiting).toBe(0)
        expect(most(times, 1_000)).toBeLessThanOrEqual(3)
        expect(clock.pending).toBe(0)
      }),
      { seed: 11, numRuns: 60 },
    )
  })
})
