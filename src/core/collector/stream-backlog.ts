/** What comes while a stream stands still. */
export interface Stall<T> {
  /** Items so far, and what they weigh together. */
  readonly missed: number
  readonly weight: number
  /** The first of them; undefined while there is none. */
  readonly first: T | undefined
  /** The newest of them, at most `count` (one more than was to be kept at most), oldest first. */
  newest(count: number): readonly T[]
  /** The consumer reads again, or never will. */
  over(): void
}

/**
 * What is delivered while streams stand still that are full: kept once for all of them, so that thousands that nobody reads any more
 * cost what one costs.
 */
export class StreamBacklog<T> {
  readonly #weigh: (item: T) => number
  /** The newest ones; cut now and then, so that adding stays cheap and memory stays bounded. */
  #items: T[] = []
  #keep = 0
  #count = 0
  #weight = 0
  #open = 0
  /** Those that have missed nothing yet. */
  #fresh: { first: T | undefined }[] = []

  constructor(weigh: (item: T) => number) {
    this.#weigh = weigh
  }

  /** @returns how many streams miss it. */
  add(item: T): number {
    if (this.#open === 0) return 0
    for (const stall of this.#fresh) stall.first = item
    this.#fresh = []
    this.#items.push(item)
    this.#count++
    this.#weight += this.#weigh(item)
    if (this.#items.length >= 2 * this.#keep) this.#items = this.#items.slice(-this.#keep)
    return this.#open
  }

  /** @param keep so many of the newest items will be wanted at most. */
  open(keep: number, onOver: () => void): Stall<T> {
    const [count, weight] = [this.#count, this.#weight]
    const mark: { first: T | undefined } = { first: undefined }
    this.#keep = Math.max(this.#keep, keep + 1)
    this.#open++
    this.#fresh.push(mark)
    const missed = (): number => this.#count - count
    const since = (): number => this.#weight - weight
    return {
      get missed() {
        return missed()
      },
      get weight() {
        return since()
      },
      get first() {
        return mark.first
      },
      newest: (wanted) => (wanted === 0 ? [] : this.#items.slice(-wanted)),
      over: () => {
        this.#fresh = this.#fresh.filter((other) => other !== mark)
        if (--this.#open === 0) {
          this.#items = []
          this.#keep = 0
        }
        onOver()
      },
    }
  }
}
