import { expect, test } from 'vitest'
import type { Clock } from '../../src/ports/clock.ts'
import { EventClock } from '../../src/recording/event-clock.ts'
import { TimerQueue } from '../../src/recording/timer-queue.ts'
import { chanceFrom } from '../../src/recording/chance.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await turn()
}

/** A system whose time and timers are moved by hand. */
function world(startsAt = 1_000) {
  const timers = new TimerQueue()
  const state = { now: startsAt, armed: 0 }
  const base: Clock = {
    now: () => state.now,
    elapsed: () => state.now,
    after(delayMs, callback) {
      state.armed++
      const cancel = timers.add(state.now, delayMs, () => {
        state.armed--
        callback()
      })
      return () => {
        state.armed--
        cancel()
      }
    },
  }
  const seen: string[] = []
  const clock = new EventClock(base, (from, until) => seen.push(`stall ${from}-${until}`))
  const note = (what: string) => () => void seen.push(`${clock.now()} ${what}`)
  return {
    state,
    seen,
    clock,
    note,
    event: (what: string) => clock.dispatch(note(what)),
    fire: () => timers.takeDue(state.now)?.(),
  }
}

test('time stands still within a turn, and goes on after it', async () => {
  const { state, clock } = world()
  expect(clock.now()).toBe(1_000)
  state.now = 1_005
  expect(clock.now()).toBe(1_000)
  await turn()
  expect(clock.now()).toBe(1_005)
})

test('an event passes at once when nothing is due, and waits for what is due before it', async () => {
  const { state, seen, clock, note, event } = world()
  clock.after(10, note('timer'))
  state.now = 1_009
  event('early')
  expect(seen).toEqual(['1009 early'])
  await turn()
  state.now = 1_012
  event('late')
  event('later')
  expect(seen).toHaveLength(1)
  await turns(6)
  expect(seen).toEqual(['1009 early', '1010 timer', '1012 late', '1012 later'])
})

test('a late timer sees the time it was due at; after a stall each due timer fires once', async () => {
  const { state, seen, clock, note, fire } = world()
  const tick = (): void => {
    note('tick')()
    clock.after(20, tick)
  }
  clock.after(20, tick)
  state.now = 1_050
  fire()
  await turns(6)
  expect(seen).toEqual(['1020 tick', '1040 tick'])
  await turn()
  state.now = 5_000
  fire()
  await turns(6)
  expect(seen.slice(2)).toEqual(['stall 1060-5000', '5000 tick'])
  expect(clock.now()).toBe(5_000)
})

test('a system clock that is set back neither turns time back nor makes a wait longer', async () => {
  const { state, seen, clock, note, event, fire } = world(100_000)
  event('before')
  await turn()
  state.now = 40_000
  event('set back')
  clock.after(30, note('timer'))
  await turn()
  state.now = 40_030
  fire()
  await turns(3)
  expect(seen).toEqual(['100000 before', '100000 set back', '100030 timer'])
})

test('no timer of the system is left when none of ours is', async () => {
  const { state, clock } = world()
  const cancels = [5, 500, 50].map((delay) => clock.after(delay, () => undefined))
  expect(state.armed).toBe(1)
  for (const cancel of cancels) cancel()
  expect(state.armed).toBe(0)
})

test('chance is even, and repeats itself', () => {
  const [first, second] = [chanceFrom(7), chanceFrom(7)]
  const drawn = Array.from({ length: 10_000 }, first)
  expect(Array.from({ length: 10_000 }, second)).toEqual(drawn)
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...drawn)).toBeLessThan(1)
  for (let tenth = 0; tenth < 10; tenth++) {
    const share = drawn.filter((value) => Math.floor(value * 10) === tenth).length
    expect(share).toBeGreaterThan(900)
    expect(share).toBeLessThan(1_100)
  }
})
