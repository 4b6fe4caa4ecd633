import { TimerHeap, type HeapTimer } from '../ports/timer-heap.ts'

interface Timer extends HeapTimer {
  readonly callback: () => void
}

/**
 * Timers in the order in which they fall due, equal ones as they were made. The recorder and the replay keep theirs in the same
 * way; that is what makes the timers of a replay fire where those of the recorded run did.
 */
export class TimerQueue {
  readonly #heap = new TimerHeap<Timer>()
  #made = 0

  /** When the next timer falls due; Infinity when there is none. */
  get nextAt(): number {
    return this.#heap.peek()?.at ?? Infinity
  }

  /** Whole milliseconds, as the system's timers; rounded up, because a timer that fires early is often set again for the rest. */
  add(now: number, delayMs: number, callback: () => void): () => void {
    const at = delayMs > 0 ? Math.ceil(now + delayMs) : now
    const timer: Timer = { at, order: this.#made++, callback, cancelled: false }
    this.#heap.push(timer)
    return () => (timer.cancelled = true)
  }

  /** Takes the timer that falls due first, if it does so at `now` or before. */
  takeDue(now: number): (() => void) | undefined {
    if (this.nextAt > now) return undefined
    const timer = this.#heap.pop()
    if (timer !== undefined) timer.cancelled = true
    return timer?.callback
  }
}
