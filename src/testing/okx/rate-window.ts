import type { Clock } from '../../ports/clock.ts'

/** Counts what happened within the last `windowMs`; refused attempts do not count. */
export class RateWindow {
  readonly #clock: Clock
  readonly #limit: number
  readonly #windowMs: number
  #times: number[] = []

  constructor(clock: Clock, limit: number, windowMs: number) {
    this.#clock = clock
    this.#limit = limit
    this.#windowMs = windowMs
  }

  tryTake(): boolean {
    const now = this.#clock.now()
    this.#times = this.#times.filter((at) => now - at < this.#windowMs)
    if (this.#times.length >= this.#limit) return false
    this.#times.push(now)
    return true
  }
}
