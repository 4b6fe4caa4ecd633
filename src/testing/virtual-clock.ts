import type { Clock } from '../ports/clock.ts'

/** A clock that stands still until it is told to go on. */
export interface VirtualClock extends Clock {
  /**
   * Moves time forward by `ms` and fires every timer on the way, in order of time, then of creation, each at its exact time.
   * Between two timers everything that was set in motion settles: promises, and Node's own immediate work.
   * Work on other threads or real sockets cannot be waited for: what a test needs from it, the test awaits itself.
   */
  advance(ms: number): Promise<void>
  /** Lets what is already in motion settle; due timers fire, time does not pass. */
  settle(): Promise<void>
  /** Timers that have neither fired nor been cancelled. Zero after a clean stop. */
  readonly pending: number
  /** When the next timer fires, epoch milliseconds; undefined when there is none. */
  readonly nextAt: number | undefined
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
  cancelled: boolean
}

/** Turns of the event loop after which promises and their successors have settled, and `crypto.subtle` normally, too. */
const SETTLE_TURNS = 5
/** One turn empties the queue of promises; the second is for what hops through `setImmediate` itself. */
const TURNS_BETWEEN_TIMERS = 2

/**
 * A virtual clock, by default at 2026-11-22T00:00:00Z.
 *
 * @example
 * ```ts
 * import { createVirtualClock } from 'tapekeeper/testing'
 * const clock = createVirtualClock()
 * clock.after(60_000, () => console.log('a minute later'))
 * await clock.advance(60_000)
 * ```
 */
export function createVirtualClock(startAt = Date.UTC(2026, 10, 22)): VirtualClock {
  let now = startAt
  let created = 0
  let pending = 0
  const heap: Timer[] = []

  const next = (): Timer | undefined => {
    while (heap[0]?.cancelled === true) pop(heap)
    return heap[0]
  }

  const advance = async (ms: number): Promise<void> => {
    if (!(ms >= 0)) throw new RangeError(`time only goes forward: ${ms}`)
    const until = now + ms
    await settleTurns(SETTLE_TURNS)
    for (let timer = next(); timer !== undefined && timer.at <= until; timer = next()) {
      pop(heap)
      now = Math.max(now, timer.at)
      pending--
      timer.cancelled = true
      timer.callback()
      await settleTurns(TURNS_BETWEEN_TIMERS)
    }
    now = until
    await settleTurns(SETTLE_TURNS)
    const due = next()
    if (due !== undefined && due.at <= now) await advance(0)
  }

  return {
    now: () => now,
    after(delayMs, callback) {
      const timer: Timer = { at: now + Math.max(0, delayMs), order: created++, callback, cancelled: false }
      push(heap, timer)
      pending++
      return () => {
        if (timer.cancelled) return
        timer.cancelled = true
        pending--
      }
    },
    advance,
    settle: () => advance(0),
    get pending() {
      return pending
    },
    get nextAt() {
      return next()?.at
    },
  }
}

async function settleTurns(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

function push(heap: Timer[], timer: Timer): void {
  let index = heap.push(timer) - 1
  while (index > 0) {
    const parentIndex = (index - 1) >> 1
    const parent = heap[parentIndex]
    if (parent === undefined || !isBefore(timer, parent)) return
    heap[parentIndex] = timer
    heap[index] = parent
    index = parentIndex
  }
}

function pop(heap: Timer[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let index = 0
  for (;;) {
    let smallest = last
    let smallestIndex = index
    for (const childIndex of [2 * index + 1, 2 * index + 2]) {
      const child = heap[childIndex]
      if (child !== undefined && isBefore(child, smallest)) {
        smallest = child
        smallestIndex = childIndex
      }
    }
    heap[index] = smallest
    if (smallestIndex === index) return
    index = smallestIndex
  }
}
