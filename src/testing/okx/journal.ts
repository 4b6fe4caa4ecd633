/** Entries remembered at most: enough for any test, bounded for a demo that runs for days. */
const LIMIT = 100_000

/** A bounded list of what happened, oldest first. */
export class Journal<T> {
  #entries: T[] = []
  #forgotten = 0

  get entries(): readonly T[] {
    return this.#entries
  }

  /** Returns the entry's place, for `replace`. */
  add(entry: T): number {
    this.#entries.push(entry)
    if (this.#entries.length > LIMIT * 1.25) {
      const surplus = this.#entries.length - LIMIT
      this.#entries = this.#entries.slice(surplus)
      this.#forgotten += surplus
    }
    return this.#forgotten + this.#entries.length - 1
  }

  replace(place: number, entry: T): void {
    const index = place - this.#forgotten
    if (index >= 0) this.#entries[index] = entry
  }
}
