import { compareDecimals } from '../../domain/compare-decimals.ts'
import type { DecimalString } from '../../domain/decimal.ts'
import type { Level, OrderBook } from '../../domain/market-data.ts'

const ZERO = '0' as DecimalString

/**
 * The levels of a venue that sends changes of its book and keeps none itself. Only as right as the changes are complete: whoever
 * hears that one is missing calls `forget`, and the next snapshot begins anew.
 */
export class TouchBook {
  #bids: readonly Level[] = []
  #asks: readonly Level[] = []
  #isKnown = false

  get bestBid(): Level | undefined {
    return this.#bids[0]
  }

  get bestAsk(): Level | undefined {
    return this.#asks[0]
  }

  /** @returns whether the best levels are known now: changes before the first snapshot say nothing. */
  accept(book: OrderBook): boolean {
    if (book.kind === 'snapshot') {
      this.#bids = book.bids
      this.#asks = book.asks
      this.#isKnown = true
    } else if (this.#isKnown) {
      this.#bids = amended(this.#bids, book.bids, -1)
      this.#asks = amended(this.#asks, book.asks, 1)
    }
    return this.#isKnown
  }

  forget(): void {
    this.#bids = []
    this.#asks = []
    this.#isKnown = false
  }
}

/** A copy with these absolute sizes; size 0 removes a level. `sign` is 1 where the lowest price is best. */
function amended(levels: readonly Level[], changes: readonly Level[], sign: 1 | -1): readonly Level[] {
  if (changes.length === 0) return levels
  const result = [...levels]
  for (const change of changes) {
    const [price, size] = change
    const place = placeOf(result, price, sign)
    const found = result[place]
    const isThere = found !== undefined && compareDecimals(found[0], price) === 0
    if (compareDecimals(size, ZERO) !== 0) result.splice(place, isThere ? 1 : 0, change)
    else if (isThere) result.splice(place, 1)
  }
  return result
}

/** Where the level with this price is or would be. */
function placeOf(levels: readonly Level[], price: DecimalString, sign: 1 | -1): number {
  let low = 0
  let high = levels.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sign * compareDecimals((levels[middle] as Level)[0], price) < 0) low = middle + 1
    else high = middle
  }
  return low
}
