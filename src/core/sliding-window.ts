/** At most `count` events in any `perMs` milliseconds. Knows no clock: elapsed time, which never goes back, is passed in. */
export class SlidingWindow {
  readonly #count: number
  readonly #perMs: number
  readonly #times: number[] = []

  constructor(count: number, perMs: number) {
    this.#count = count
    this.#perMs = perMs
  }

  /** Earliest time at which one more event fits; `now` when it fits already. @param share of the events, for those that leave room. */
  nextAt(now: number, share = 1): number {
    while (this.#times[0] !== undefined && this.#times[0] + this.#perMs <= now) this.#times.shift()
    const oldest = this.#times[this.#times.length - Math.ceil(this.#count * share)]
    return oldest === undefined ? now : Math.max(now, oldest + this.#perMs)
  }

  note(now: number): void {
    this.#times.push(now)
  }
}
