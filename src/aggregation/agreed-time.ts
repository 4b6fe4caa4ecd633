import { isPlausibleTime } from '../domain/timestamp.ts'

/** A step of this size is believed of a single trade. Milliseconds. */
const STEP_MS = 1_000
/** Trades may be out of order by so much. Further ahead of those that come after it, a trade has a wrong time. Milliseconds. */
const DISORDER_MS = 60_000
/** No market that goes on is silent for longer than a year. Milliseconds. */
export const LONGEST_SILENCE_MS = 366 * 86_400_000

/**
 * What time it is, by nothing but the times of trades that come one by one. It never goes back; a step of more than a second needs three
 * trades in a row that have gone it, so that one wrong time moves nothing.
 */
export class AgreedTime {
  /** Epoch milliseconds; `-Infinity` before any trades agree. */
  now = -Infinity
  #latest = -Infinity
  /** Times of the last trade and of the one before it. */
  #last = -Infinity
  #beforeLast = -Infinity

  /** Hot path. */
  observe(time: number): void {
    // A time that cannot be is the aggregator's to refuse.
    if (!isPlausibleTime(time)) return
    if (time > this.#latest) this.#latest = time
    const agreed = time <= this.now + STEP_MS ? time : Math.min(time, this.#last, this.#beforeLast)
    if (agreed > this.now) this.now = agreed
    this.#beforeLast = this.#last
    this.#last = time
  }

  /** When no further trade comes: up to where times are believed. What only the last two have reached is, but not after years of silence. */
  get end(): number {
    const times = [this.now, this.#beforeLast, this.#last].filter((time) => time !== -Infinity).sort((a, b) => a - b)
    const end = times.reduce((reached, time) => (time - reached <= LONGEST_SILENCE_MS ? time : reached), times[0] ?? -Infinity)
    return this.#latest - end <= DISORDER_MS ? this.#latest : end
  }
}
