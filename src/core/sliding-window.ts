/** At most `count` events in any `perMs` milliseconds. Knows no clock: the time is passed in. */
export class SlidingWindow {
  readonly #count: number
  readonly #perMs: number
  readonly #times: number[] = []

  constructor(count: number, perMs: number) {
    this.#count = count
    this.#perMs = perMs
  }

  /** Earliest time at which one more event fits; `now` when it fits already. */
  nextAt(now: number): number {
    // A time in the future means that the clock was set back: it would block us for as long as that.
    while (this.#times[0] !== undefined && (this.#times[0] + this.#perMs <= now || this.#times[0] > now)) this.#times.shift()
    const oldest = this.#times[this.#times.length - this.#count]
    return oldest === undefined ? now : Math.max(now, oldest + this.#perMs)
  }

  note(now: number): void {
    this.#times.push(now)
  }
}
