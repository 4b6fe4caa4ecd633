import type { Entry } from './entry.ts'

/** What waits of one kind, in order. The front of it may be on its way somewhere: that stays until it has arrived. */
export class KindQueue {
  /** Changes when what is being stored has gone another way. */
  epoch = 0

  #entries: Entry[] = []
  /** On their way into the repository, and into the spool; counted from the front, at most one way is the longer. */
  #storing = 0
  #spooling = 0

  get length(): number {
    return this.#entries.length
  }

  /** On no way. */
  get idle(): number {
    return this.#entries.length - this.#busy
  }

  get firstOrder(): number | undefined {
    return this.#entries[0]?.order
  }

  get #busy(): number {
    return Math.max(this.#storing, this.#spooling)
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
  }

  /** Puts it in the place of the idle entry that has its order. @returns false when there is none. */
  replaceIdle(entry: Entry): boolean {
    const at = this.#placeOf(entry.order)
    if (at < this.#busy || this.#entries[at]?.order !== entry.order) return false
    this.#entries[at] = entry
    return true
  }

  /** How many come before this order. */
  lengthUpTo(order: number): number {
    return this.#placeOf(order)
  }

  startStoring(count: number): readonly Entry[] {
    const batch = this.#entries.slice(0, count)
    this.#storing = batch.length
    return batch
  }

  /** @returns what has left. */
  endStoring(resolved: ReadonlySet<Entry>): readonly Entry[] {
    const batch = this.#entries.slice(0, this.#storing)
    this.#entries = [...batch.filter((entry) => !resolved.has(entry)), ...this.#entries.slice(this.#storing)]
    this.#storing = 0
    return batch.filter((entry) => resolved.has(entry))
  }

  /** Also what is being stored: nobody knows yet what will come of that. */
  startSpooling(count: number): readonly Entry[] {
    this.#spooling = count
    return this.#entries.slice(0, count)
  }

  /** @returns what has left. */
  endSpooling(arrived: boolean): readonly Entry[] {
    const gone = arrived ? this.#entries.splice(0, this.#spooling) : []
    this.#spooling = 0
    if (gone.length > 0) this.#goneAnotherWay()
    return gone
  }

  takeOut(isMeant: (entry: Entry) => boolean): readonly Entry[] {
    const gone = this.#entries.filter(isMeant)
    if (gone.length === 0) return gone
    this.#entries = this.#entries.filter((entry) => !isMeant(entry))
    this.#spooling = 0
    this.#goneAnotherWay()
    return gone
  }

  /** The oldest that is idle and fits. */
  firstIdle(fits: (entry: Entry) => boolean): Entry | undefined {
    for (let at = this.#busy; at < this.#entries.length; at++) {
      const entry = this.#entries[at]
      if (entry !== undefined && fits(entry)) return entry
    }
    return undefined
  }

  /** An idle one. */
  remove(entry: Entry): void {
    this.#entries.splice(this.#placeOf(entry.order), 1)
  }

  #goneAnotherWay(): void {
    this.#storing = 0
    this.epoch++
  }

  /** Where this order is, or would be. */
  #placeOf(order: number): number {
    let [low, high] = [0, this.#entries.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle]?.order ?? Infinity) < order) low = middle + 1
      else high = middle
    }
    return low
  }
}
