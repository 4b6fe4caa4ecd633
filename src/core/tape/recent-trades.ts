import type { IdValue } from '../../domain/trade-id.ts'

/** A hundred would tell copies apart on two sockets; the rest is for those that come in a burst. */
const KEPT = 256

/** Ids and exchange times of the last trades of a stream: what they say together, no single one of them can spoil. */
export class RecentTrades {
  readonly #ids: IdValue[] = []
  readonly #times: number[] = []
  /** Where the next one goes. */
  #at = 0

  /** Hot path: two stores. */
  add(id: IdValue, timestamp: number): void {
    this.#ids[this.#at] = id
    this.#times[this.#at] = timestamp
    this.#at = (this.#at + 1) % KEPT
  }

  /** Exchange time of the trade with this id, when it is among them. Copies come soon: looked for from the newest on. */
  timeOf(id: IdValue): number | undefined {
    for (let back = 1; back <= this.#ids.length; back++) {
      const i = (this.#at - back + KEPT) % KEPT
      if (this.#ids[i] === id) return this.#times[i]
    }
    return undefined
  }

  /** Whether this very trade is among them, whatever else has come under its id: ids may have begun anew. */
  has(id: IdValue, timestamp: number): boolean {
    return this.#ids.some((known, i) => known === id && this.#times[i] === timestamp)
  }

  /** Their exchange times, in no order. */
  times(): readonly number[] {
    return this.#times
  }
}
