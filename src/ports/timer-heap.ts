/** A timer that waits to fall due. */
export interface HeapTimer {
  readonly at: number
  /** Its number among those made; of timers that fall due together the one made first goes first. */
  readonly order: number
  cancelled: boolean
}

/** Timers in the order in which they fall due. For clocks that are driven by hand: in virtual time, in recordings, in replays. */
export class TimerHeap<T extends HeapTimer> {
  readonly #heap: T[] = []

  /** The timer that falls due first; those that were cancelled are dropped on the way. */
  peek(): T | undefined {
    while (this.#heap[0]?.cancelled === true) this.pop()
    return this.#heap[0]
  }

  push(timer: T): void {
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

  /** Takes the first timer off, cancelled or not. */
  pop(): T | undefined {
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

const isBefore = (a: HeapTimer, b: HeapTimer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
