import { describe, expect, test } from 'vitest'
import { PacedQueue } from '../../src/manager/paced-queue.ts'
import { sleep } from '../../src/ports/clock.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts'

interface World {
  readonly clock: VirtualClock
  readonly queue: PacedQueue<number>
  readonly startedAt: Map<number, number>
  /** Most that ran at a time. */
  readonly peak: () => number
  readonly add: (key: number, taskMs?: number) => Promise<boolean>
}

function setUp(random = seededRandom('paced')): World {
  const clock = createVirtualClock(0)
  const queue = new PacedQueue<number>({ clock, random, delayMs: 5_000 })
  const startedAt = new Map<number, number>()
  let [running, peak] = [0, 0]
  return {
    clock,
    queue,
    startedAt,
    peak: () => peak,
    add: (key, taskMs = 10) =>
      queue.add(key, async () => {
        startedAt.set(key, clock.now())
        peak = Math.max(peak, ++running)
        await sleep(clock, taskMs)
        running--
        return true
      }),
  }
}

test('the first goes at once, the others one by one, a delay apart, give or take half', async () => {
  const { clock, add, startedAt, peak } = setUp()
  const results = Promise.all([1, 2, 3, 4].map((key) => add(key)))
  expect([...startedAt]).toEqual([[1, 0]])
  await clock.advance(30_000)
  expect(await results).toEqual([true, true, true, true])
  const times = [...startedAt.values()]
  const gaps = times.slice(1).map((at, i) => at - times[i]!)
  expect(gaps.every((gap) => gap >= 2_500 && gap <= 7_500)).toBe(true)
  expect(new Set(gaps).size).toBe(3)
  expect([peak(), clock.pending]).toEqual([1, 0])
})

test.each([
  [20, 1],
  [21, 2],
  [100, 5],
  [1_000, 50],
])('of %i at most %i run at a time, and all are through after some twenty delays', async (count, lanes) => {
  const { clock, add, startedAt, peak } = setUp()
  const all = Promise.all(Array.from({ length: count }, (_, key) => add(key, 60_000)))
  await clock.advance(60_000)
  expect(peak()).toBeLessThanOrEqual(lanes)
  await clock.advance(60_000 * 21)
  expect((await all).every(Boolean)).toBe(true)
  expect([startedAt.size, peak(), clock.pending]).toEqual([count, lanes, 0])
})

test('a thousand quick ones keep their pace to the end', async () => {
  const { clock, add, startedAt } = setUp()
  for (let key = 0; key < 1_000; key++) void add(key, 1)
  await clock.advance(200_000)
  const last = Math.max(...startedAt.values())
  expect(last).toBeGreaterThan(80_000)
  expect(last).toBeLessThan(120_000)
})

test('one that comes later keeps its distance too, and more that come make it come sooner', async () => {
  const { clock, add, startedAt } = setUp(() => 0.5)
  void add(1)
  await clock.advance(1_000)
  void add(2)
  expect(startedAt.has(2)).toBe(false)
  for (let key = 3; key < 43; key++) void add(key)
  await clock.advance(10_000)
  expect(startedAt.get(2)).toBe(Math.ceil(5_000 / 3))
})

test('after a rest the next one goes at once', async () => {
  const { clock, add, startedAt } = setUp()
  void add(1)
  await clock.advance(60_000)
  void add(2)
  expect(startedAt.get(2)).toBe(60_000)
})

describe('letting go', () => {
  test('one: its promise says false, the others go on', async () => {
    const { clock, queue, add, startedAt } = setUp()
    const [one, two, three] = [add(1), add(2), add(3)]
    queue.drop(2)
    queue.drop(7)
    expect(await two).toBe(false)
    await clock.advance(20_000)
    expect([await one, await three, startedAt.has(2)]).toEqual([true, true, false])
  })

  test('all: no timer is left, what runs ends as it ends', async () => {
    const { clock, queue, add } = setUp()
    const all = [add(1, 1_000), add(2), add(3)]
    queue.clear()
    await clock.advance(1_000)
    expect(await Promise.all(all)).toEqual([true, false, false])
    expect(clock.pending).toBe(0)
  })
})

test('what waits or runs under the same key is shared', async () => {
  const { clock, queue, add, startedAt } = setUp()
  const [one, again, two, twice] = [add(1), add(1), add(2), add(2)]
  expect([one === again, two === twice, queue.has(1), queue.has(2), queue.has(3)]).toEqual([true, true, true, true, false])
  await clock.advance(20_000)
  expect([startedAt.size, queue.has(1), queue.has(2)]).toEqual([2, false, false])
})

test('one that rejects counts as failed and holds nobody up', async () => {
  const { clock, queue, add } = setUp()
  const bad = queue.add(1, () => Promise.reject(new Error('no')))
  const good = add(2)
  await clock.advance(20_000)
  expect([await bad, await good]).toEqual([false, true])
})
