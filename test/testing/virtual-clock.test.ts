import { createVirtualClock, seededRandom } from 'tapekeeper/testing'
import { expect, test } from 'vitest'

test('fires timers in order of time, then of creation, each at its time', async () => {
  const clock = createVirtualClock(1_000)
  const fired: [string, number][] = []
  const note = (name: string) => () => fired.push([name, clock.now()])
  clock.after(20, note('b'))
  clock.after(10, note('a'))
  clock.after(20, note('c'))
  clock.after(21, note('too late'))
  await clock.advance(20)
  expect(fired).toEqual([
    ['a', 1_010],
    ['b', 1_020],
    ['c', 1_020],
  ])
  expect([clock.now(), clock.pending, clock.nextAt]).toEqual([1_020, 1, 1_021])
})

test('timers set on the way fire on the way', async () => {
  const clock = createVirtualClock(0)
  const times: number[] = []
  const again = () => {
    times.push(clock.now())
    if (times.length < 4) clock.after(10, again)
  }
  clock.after(10, again)
  await clock.advance(100)
  expect(times).toEqual([10, 20, 30, 40])
  expect(clock.now()).toBe(100)
})

test('promises settle between two timers, however long their chain', async () => {
  const clock = createVirtualClock(0)
  const seen: number[] = []
  clock.after(1, () => {
    void (async () => {
      for (let i = 0; i < 200; i++) await Promise.resolve()
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(clock.now())
      clock.after(0, () => seen.push(clock.now() + 0.5))
    })()
  })
  clock.after(2, () => seen.push(clock.now()))
  await clock.advance(2)
  expect(seen).toEqual([1, 1.5, 2])
})

test('cancelled timers do not fire and do not count', async () => {
  const clock = createVirtualClock()
  const cancels = Array.from({ length: 50 }, (_, i) => clock.after(i % 7, () => expect.unreachable()))
  for (const cancel of cancels) cancel()
  cancels[0]!()
  expect([clock.pending, clock.nextAt]).toEqual([0, undefined])
  await clock.advance(100)
})

test('starts at a fixed day and never goes back', async () => {
  const clock = createVirtualClock()
  expect(new Date(clock.now()).toISOString()).toBe('2026-11-22T00:00:00.000Z')
  await expect(clock.advance(-1)).rejects.toThrow(RangeError)
  await expect(clock.advance(NaN)).rejects.toThrow(RangeError)
})

test('seededRandom repeats itself, differs by seed, and fills [0, 1) evenly', () => {
  const draw = (seed: number | string) => Array.from({ length: 5 }, seededRandom(seed))
  expect(draw(7)).toEqual(draw(7))
  expect(draw('a')).not.toEqual(draw('b'))
  const random = seededRandom(1)
  const counts = Array<number>(10).fill(0)
  for (let i = 0; i < 20_000; i++) counts[Math.floor(random() * 10)]!++
  for (const count of counts) expect(count).toBeGreaterThan(1_800)
})

test('the wall clock is stepped in both directions; elapsed time and timers do not notice', async () => {
  const clock = createVirtualClock(1_000_000)
  const fired: [number, number][] = []
  clock.after(100, () => fired.push([clock.now(), clock.elapsed()]))
  clock.stepWall(-600_000)
  expect([clock.now(), clock.elapsed(), clock.nextAt]).toEqual([400_000, 0, 400_100])
  await clock.advance(50)
  clock.stepWall(3_600_000)
  await clock.advance(50)
  expect(fired).toEqual([[4_000_100, 100]])
})
