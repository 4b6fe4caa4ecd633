import type { IdValue } from '../../domain/trade-id.ts'

/** A hundred would tell copies apart on two sockets; the rest is for those that come in a burst. A power of two. */
const KEPT = 256

/** Ids and exchange times of the last trades of a stream: what they say together, no single one of them can spoil. */
export class RecentTrades {
  #ids: IdValue[] = []
  #times: number[] = []
  /** Where the next one goes. */
  #at = 0
  /** Those of before the ids began anew, the oldest first. */
  #former: readonly (readonly [id: IdValue, timestamp: number])[] = []

  /** Hot path: two stores. */
  add(id: IdValue, timestamp: number): void {
    this.#ids[this.#at] = id
    this.#times[this.#at] = timestamp
    this.#at = (this.#at + 1) & (KEPT - 1)
  }

  /** Exchange time of the trade with this id, when it is among them. Copies come soon: looked for from the newest on. */
  timeOf(id: IdValue): number | undefined {
    for (let back = 1; back <= this.#ids.length; back++) {
      const i = (this.#at - back + KEPT) % KEPT
      if (this.#ids[i] === id) return this.#times[i]
    }
    return undefined
  }

  /** Ids begin anew: what was delivered says nothing of what follows, and copies of it may still come. */
  beginAnew(): void {
    const inOrder = [...this.#ids.keys()].map((i) => (this.#at + i) % this.#ids.length)
    const ended = inOrder.map((i) => [this.#ids[i] ?? NaN, this.#times[i] ?? NaN] as const)
    this.#former = [...this.#former, ...ended].slice(-KEPT)
    this.#ids = []
    this.#times = []
    this.#at = 0
  }

  /** Whether this very trade is among them, or among the last ones from before ids began anew. */
  has(id: IdValue, timestamp: number): boolean {
    return (
      this.#ids.some((known, i) => known === id && this.#times[i] === timestamp) ||
      this.#former.some(([known, time]) => known === id && time === timestamp)
    )
  }

  /** Their exchange times, in no order. */
  times(): readonly number[] {
    return this.#times
  }
}
