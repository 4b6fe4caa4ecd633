import { isPlausibleTime } from '../domain/timestamp.ts'

/** A step of this size is believed of a single trade. Milliseconds. */
const STEP_MS = 1_000

/**
 * What time it is, by nothing but the times of trades that come one by one. It never goes back; a step of more than a second needs three
 * trades in a row that have gone it, so that one wrong time moves nothing.
 */
export class AgreedTime {
  /** Epoch milliseconds; `-Infinity` before any trades agree. */
  now = -Infinity
  /** The greatest time of any trade, agreed on or not. */
  latest = -Infinity
  /** Times of the last trade and of the one before it. */
  #last = -Infinity
  #beforeLast = -Infinity

  /** Hot path. */
  observe(time: number): void {
    // A time that cannot be is the aggregator's to refuse.
    if (!isPlausibleTime(time)) return
    if (time > this.latest) this.latest = time
    const agreed = time <= this.now + STEP_MS ? time : Math.min(time, this.#last, this.#beforeLast)
    if (agreed > this.now) this.now = agreed
    this.#beforeLast = this.#last
    this.#last = time
  }
}
