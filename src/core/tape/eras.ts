import type { IdRange, IdValue } from '../../domain/trade-id.ts'
import { unlessAborted } from '../../ports/on-abort.ts'
import { idsOf } from './continuity.ts'
import type { PageBefore } from './hole-filler.ts'
import type { RecentTrades } from './recent-trades.ts'

/** An exchange begins to count anew once a day at most. */
const MOST_ERAS = 16

interface Era extends IdRange {
  /** Exchange time at which it ended. */
  readonly until: number
}

/**
 * When an exchange begins to count anew, a new era begins: ids of before have nothing to do with those that follow, though copies may still
 * come and REST may still have them.
 */
export class Eras {
  readonly #recent: RecentTrades
  /** What was delivered in those that have ended. */
  #former: Era[] = []
  /** The first id of this one. */
  #first: IdValue = Infinity
  /** Exchange time at which it began. */
  #began = -Infinity
  #number = 0

  constructor(recent: RecentTrades) {
    this.#recent = recent
  }

  /** Which one it is. */
  get number(): number {
    return this.#number
  }

  /** The first one begins with this id. */
  begun(first: IdValue): void {
    this.#first = first
  }

  /**
   * @param last the last id of the era that ends.
   * @param next the first one of the era that begins. Where it lies among the former ones an id and a time cannot tell the two apart.
   * @param time exchange time of the first trade that is known of the new one.
   */
  begin(last: IdValue, next: IdValue, time: number): void {
    const first = this.#first
    const until = Math.max(-Infinity, ...this.#recent.times().filter((before) => before < time))
    if (next < first || next > last) this.#former = [...this.#former, { first, last, until }].slice(-MOST_ERAS)
    this.#began = Math.max(this.#began, until)
    this.#recent.beginAnew()
    this.#first = next
    this.#number++
  }

  /** Whether a trade of that id and time was among what was delivered in a former one. Hot path: nearly always one comparison. */
  hasEnded(id: IdValue, timestamp: number): boolean {
    if (this.#number === 0) return false
    const isOf = ({ first, last, until }: Era): boolean => id >= first && id <= last && timestamp <= until
    return this.#recent.has(id, timestamp) || this.#former.some(isOf)
  }

  /** Pages of this era alone. Whoever is asked may not heed the signal, and is not waited for either. */
  only(pageBefore: PageBefore): PageBefore {
    return async (beforeId, signal) => {
      const page = await unlessAborted(pageBefore(beforeId, signal), signal)
      if (this.#number === 0) return page
      return page.filter((row) => row.timestamp > this.#began && !this.#recent.has(idsOf(row)?.last ?? NaN, row.timestamp))
    }
  }
}
