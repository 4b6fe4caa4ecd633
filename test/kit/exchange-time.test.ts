import { createVirtualClock, seededRandom } from 'tapekeeper/testing'
import { describe, expect, test } from 'vitest'
import { ExchangeTime } from '../../src/kit/exchange-time.ts'

const HOUR_MS = 3_600_000

/** An exchange whose clock is `aheadMs` before ours, and a stream of its stamps, each `delayMs` old when it comes. */
async function world(aheadMs = 0) {
  const clock = createVirtualClock()
  const time = new ExchangeTime(clock)
  const exchangeStart = clock.now() + aheadMs
  const real = () => exchangeStart + clock.elapsed()
  const push = async (count: number, { everyMs = 100, delayMs = (): number => 50 } = {}) => {
    for (let i = 0; i < count; i++) {
      await clock.advance(everyMs)
      time.observe(real() - delayMs())
    }
  }
  return { clock, time, real, push, error: () => time.now() - real() }
}

describe('ExchangeTime', () => {
  test('is the wall clock of the start until the exchange was seen, whatever becomes of that clock', async () => {
    const { clock, time, error } = await world()
    clock.stepWall(-HOUR_MS)
    await clock.advance(1_000)
    expect([error(), time.isSeen]).toEqual([0, false])
  })

  test('follows the least delayed stamp', async () => {
    const { time, push, error } = await world(-2_000)
    const random = seededRandom(1)
    await push(100, { delayMs: () => 20 + Math.floor(random() * 3_000) })
    expect(time.isSeen).toBe(true)
    expect(error()).toBeGreaterThanOrEqual(-300)
    expect(error()).toBeLessThanOrEqual(0)
  })

  test.each([HOUR_MS, -HOUR_MS, 999 * 1_780_000_000_000])('one stamp that is off by %i ms changes nothing', async (off) => {
    const { time, push, real, error } = await world()
    await push(10)
    time.observe(real() + off)
    expect(error()).toBe(-50)
    time.observe(real() + off)
    await push(1)
    time.observe(real() + off)
    expect(error()).toBe(-50)
  })

  test.each([600, 3_000, 4_900])('nor does one that is %i ms ahead, nor two that others contradict', async (off) => {
    const { time, push, real, error } = await world()
    await push(10)
    for (let i = 0; i < 5; i++) {
      time.observe(real() + off)
      time.observe(real() + off + 1)
      expect(error()).toBe(-50)
      await push(1)
    }
    await push(2_000)
    expect(error()).toBe(-50)
  })

  test('of three that agree the least is believed', async () => {
    const { time, push, real, error } = await world()
    await push(10)
    for (const off of [2_000, 3_000, 2_500]) time.observe(real() + off)
    expect(error()).toBe(2_000)
  })

  test.each([1_000, 3_000])('our clock is slow by %i ms: the first stamp confirms it, three correct it', async (aheadMs) => {
    const { time, push, error } = await world(aheadMs)
    await push(1)
    expect([time.isSeen, error()]).toEqual([true, -aheadMs])
    await push(2)
    expect(error()).toBe(-50)
  })

  test('what the exchange answers is believed while no stamp was seen, and never again', async () => {
    const { time, push, real, error } = await world(HOUR_MS)
    time.learn(real() - 20)
    expect([time.isSeen, error()]).toEqual([true, -20])
    await push(1)
    time.learn(real() + HOUR_MS)
    expect(error()).toBe(-20)
  })

  test('tells what time it was at another moment', async () => {
    const { clock, time, push, real } = await world()
    await push(1)
    const [elapsed, then] = [clock.elapsed(), real()]
    await clock.advance(10_000)
    expect(time.at(elapsed)).toBe(then - 50)
  })

  test('a stamp that is repeated is one witness', async () => {
    const { time, push, real, error } = await world()
    await push(10)
    for (let i = 0; i < 10; i++) time.observe(real() + HOUR_MS)
    expect(error()).toBe(-50)
  })

  test.each([HOUR_MS, -HOUR_MS])('our clock differs by %i ms from the start: known after three stamps', async (aheadMs) => {
    const { push, error } = await world(aheadMs)
    await push(2)
    expect(error()).toBe(-aheadMs)
    await push(1)
    expect(error()).toBe(-50)
  })

  test('two clocks that run apart do not part', async () => {
    const clock = createVirtualClock()
    const time = new ExchangeTime(clock)
    const start = clock.now()
    // A second a minute is far more than any real clock.
    const real = () => start + clock.elapsed() * (59 / 60)
    for (let i = 0; i < 3_600; i++) {
      await clock.advance(1_000)
      time.observe(Math.floor(real()) - 40)
    }
    expect(Math.abs(time.now() - real())).toBeLessThan(3_000)
  })

  test('goes on by elapsed time while nothing comes', async () => {
    const { clock, push, error } = await world(-HOUR_MS)
    await push(5)
    clock.stepWall(HOUR_MS)
    await clock.advance(24 * HOUR_MS)
    expect(error()).toBe(-50)
  })
})
