interface Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
  cancelled: boolean
}

/**
 * Timers in the order in which they fall due, equal ones as they were made. The recorder and the replay keep theirs in the same
 * way; that is what makes the timers of a replay fire where those of the recorded run did.
 */
export class TimerQueue {
  readonly #heap: Timer[] = []
  #made = 0

  /** When the next timer falls due; Infinity when there is none. */
  get nextAt(): number {
    while (this.#heap[0]?.cancelled === true) this.#pop()
    return this.#heap[0]?.at ?? Infinity
  }

  /** Whole milliseconds, as the system's timers; rounded up, because a timer that fires early is often set again for the rest. */
  add(now: number, delayMs: number, callback: () => void): () => void {
    const at = delayMs > 0 ? Math.ceil(now + delayMs) : now
    const timer: Timer = { at, order: this.#made++, callback, cancelled: false }
    this.#push(timer)
    return () => (timer.cancelled = true)
  }

  /** Takes the timer that falls due first, if it does so at `now` or before. */
  takeDue(now: number): (() => void) | undefined {
    if (this.nextAt > now) return undefined
    const timer = this.#pop()
    if (timer !== undefined) timer.cancelled = true
    return timer?.callback
  }

  #push(timer: Timer): void {
    const heap = this.#heap
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

  #pop(): Timer | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
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
      if (smallestIndex === index) return first
      index = smallestIndex
    }
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
