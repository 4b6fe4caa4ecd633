import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { sleep, systemClock, withElapsed } from '../../src/ports/clock.ts'
import { createVirtualClock } from '../../src/testing/virtual-clock.ts'

const DAY_MS = 86_400_000

describe('systemClock', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test.each([0, 1, 1_000, 2 ** 31 - 1, 2 ** 31, 30 * DAY_MS, 90 * DAY_MS])(
    'fires once, after %i ms and no earlier',
    (delayMs) => {
      const callback = vi.fn()
      systemClock.after(delayMs, callback)
      if (delayMs > 0) vi.advanceTimersByTime(delayMs - 1)
      if (delayMs > 0) expect(callback).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(callback).toHaveBeenCalledTimes(1)
      vi.advanceTimersByTime(100 * DAY_MS)
      expect(callback).toHaveBeenCalledTimes(1)
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  test('a delay in the past fires at once', () => {
    const callback = vi.fn()
    systemClock.after(-5, callback)
    vi.advanceTimersByTime(0)
    expect(callback).toHaveBeenCalledTimes(1)
  })

  test('cancels, also a timer longer than the platform can hold, and in its second part', () => {
    const callback = vi.fn()
    const cancel = systemClock.after(40 * DAY_MS, callback)
    vi.advanceTimersByTime(30 * DAY_MS)
    cancel()
    cancel()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(30 * DAY_MS)
    expect(callback).not.toHaveBeenCalled()
  })

  test('tells the time', () => {
    vi.setSystemTime(1_700_000_000_000)
    expect(systemClock.now()).toBe(1_700_000_000_000)
    const from = systemClock.elapsed()
    vi.advanceTimersByTime(250)
    vi.setSystemTime(1_600_000_000_000)
    expect(systemClock.elapsed() - from).toBe(250)
  })
})

describe('sleep', () => {
  test('resolves after the delay', async () => {
    const clock = createVirtualClock()
    const done = vi.fn()
    void sleep(clock, 100).then(done)
    await clock.advance(99)
    expect(done).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(done).toHaveBeenCalledTimes(1)
  })

  test.each(['before', 'meanwhile'])('rejects with the reason of a signal that aborts %s, and leaves no timer', async (when) => {
    const clock = createVirtualClock()
    const control = new AbortController()
    const reason = new Error('enough')
    if (when === 'before') control.abort(reason)
    const slept = sleep(clock, 100, control.signal)
    control.abort(reason)
    await expect(slept).rejects.toBe(reason)
    expect(clock.pending).toBe(0)
  })

  test('leaves no listener on a long-lived signal', async () => {
    const clock = createVirtualClock()
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    const slept = sleep(clock, 100, signal)
    await clock.advance(100)
    await slept
    expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(add.mock.calls.map(([, listener]) => listener))
  })
})

describe('a clock of before elapsed()', () => {
  const old = () => {
    const state = { now: 1_000 }
    const clock = { now: () => state.now, after: () => () => undefined }
    return { state, clock, whole: withElapsed(clock) }
  }

  test('counts what its now() advances, and never goes back', () => {
    const { state, whole } = old()
    state.now += 250.5
    expect(whole.elapsed()).toBe(250)
    state.now -= 600_000
    expect(whole.elapsed()).toBe(250)
    state.now += 100
    expect([whole.elapsed(), whole.now()]).toEqual([350, state.now])
  })

  test('is one for all who share it; one that has elapsed() stays what it is', () => {
    const { clock, whole } = old()
    expect(withElapsed(clock)).toBe(whole)
    expect(withElapsed(systemClock)).toBe(systemClock)
  })
})
