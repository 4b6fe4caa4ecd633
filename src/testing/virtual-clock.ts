import type { Clock } from '../ports/clock.ts'
import { TimerHeap, type HeapTimer } from '../ports/timer-heap.ts'

/** A clock that stands still until it is told to go on. */
export interface VirtualClock extends Clock {
  /**
   * Moves time forward by `ms` and fires every timer on the way, in order of time, then of creation, each at its exact time.
   * Between two timers everything that was set in motion settles: promises, and Node's own immediate work.
   * Work on other threads or real sockets cannot be waited for: what a test needs from it, the test awaits itself.
   */
  advance(ms: number): Promise<void>
  /** Sets the wall clock forward (or back, when negative) by `ms`, as NTP or an operator would. Elapsed time and timers do not notice. */
  stepWall(ms: number): void
  /** Lets what is already in motion settle; due timers fire, time does not pass. */
  settle(): Promise<void>
  /** Timers that have neither fired nor been cancelled. Zero after a clean stop. */
  readonly pending: number
  /** When the next timer fires, by the wall clock as it stands now; undefined when there is none. */
  readonly nextAt: number | undefined
}

interface Timer extends HeapTimer {
  readonly callback: () => void
}

/** Turns of the event loop after which promises and their successors have settled, and `crypto.subtle` normally, too. */
const SETTLE_TURNS = 5
/** One turn empties the queue of promises; the second is for what hops through `setImmediate` itself. */
const TURNS_BETWEEN_TIMERS = 2

/**
 * A virtual clock, by default at 2026-11-22T00:00:00Z; elapsed time begins at 0.
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
  let elapsed = 0
  /** What the wall clock shows when elapsed time is 0. */
  let wall = startAt
  let created = 0
  let pending = 0
  const heap = new TimerHeap<Timer>()

  const advance = async (ms: number): Promise<void> => {
    if (!(ms >= 0)) throw new RangeError(`time only goes forward: ${ms}`)
    const until = elapsed + ms
    await settleTurns(SETTLE_TURNS)
    for (let timer = heap.peek(); timer !== undefined && timer.at <= until; timer = heap.peek()) {
      heap.pop()
      elapsed = Math.max(elapsed, timer.at)
      pending--
      timer.cancelled = true
      timer.callback()
      await settleTurns(TURNS_BETWEEN_TIMERS)
    }
    elapsed = until
    await settleTurns(SETTLE_TURNS)
    const due = heap.peek()
    if (due !== undefined && due.at <= elapsed) await advance(0)
  }

  return {
    now: () => wall + elapsed,
    elapsed: () => elapsed,
    after(delayMs, callback) {
      const timer: Timer = { at: elapsed + Math.max(0, delayMs), order: created++, callback, cancelled: false }
      heap.push(timer)
      pending++
      return () => {
        if (timer.cancelled) return
        timer.cancelled = true
        pending--
      }
    },
    advance,
    stepWall: (ms) => void (wall += ms),
    settle: () => advance(0),
    get pending() {
      return pending
    },
    get nextAt() {
      const at = heap.peek()?.at
      return at === undefined ? undefined : wall + at
    },
  }
}

async function settleTurns(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
