import { Decimal, type DecimalString } from '../../domain/decimal.ts'
import type { Level, OrderBook } from '../../domain/market-data.ts'
import { BookSide } from './book-side.ts'

export type BookSideName = 'bids' | 'asks'

/** More than any channel publishes: what an exchange tells of is kept, whatever its depth. Levels per side. */
export const MAX_BOOK_LEVELS = 5_000

/**
 * The order book of one symbol as it is now, kept up to date in place: reading it copies nothing.
 *
 * Units: prices in quote currency; sizes as in `Trade.size` (base currency on spot, contracts on derivatives).
 * Look at `isValid` first: while a book is being synchronised again, what it shows is its last known state.
 * Read it synchronously; for what has to outlive the next `await`, take a `snapshot()`.
 *
 * @example
 * ```ts
 * import type { LocalBook } from 'tapekeeper'
 * function show(book: LocalBook) {
 *   if (!book.isValid) return
 *   console.log(book.symbol, book.mid()?.toString(), book.microprice()?.toFixed(4))
 *   for (const [price, size] of book.levels('bids')) console.log(price, size)
 * }
 * ```
 */
export interface LocalBook {
  /** Ours, for example `BTC-USDT`. */
  readonly symbol: string
  /** Whether this is the exchange's book of `sequence`, as far as the exchange lets anyone know. */
  readonly isValid: boolean
  /** The exchange's sequence number of this state, where it sends one. */
  readonly sequence: number | undefined
  /** The exchange's time of this state, epoch milliseconds; undefined before the first snapshot. */
  readonly timestamp: number | undefined
  /** Highest bid, with its size; undefined when nobody bids. */
  readonly bestBid: Level | undefined
  /** Lowest ask, with its size; undefined when nobody asks. */
  readonly bestAsk: Level | undefined
  /** Number of levels: the best ones of the exchange's book, without a hole. */
  depth(side: BookSideName): number
  /**
   * Whether there is nothing behind the last level, as far as the exchange tells. False while the exchange has told of more than the
   * 5,000 levels a side that are kept: then `depth` is all that is vouched for.
   */
  isWhole(side: BookSideName): boolean
  /** Size of the best `levels` levels together, exact; of all levels when there are fewer. */
  cumulativeSize(side: BookSideName, levels: number): Decimal
  /** Size that is offered at `price` or better, exact: what an order limited to `price` could take at most. */
  sizeTo(side: BookSideName, price: DecimalString | Decimal): Decimal
  /** Half way between best bid and best ask, exact; undefined when a side is empty. */
  mid(): Decimal | undefined
  /** (bid · ask size + ask · bid size) / (bid size + ask size), to 120 digits; undefined when a side is empty. */
  microprice(): Decimal | undefined
  /** Best ask − best bid, exact; undefined when a side is empty. */
  spread(): Decimal | undefined
  /** The levels of a side, best first. */
  levels(side: BookSideName): IterableIterator<Level>
  /** Calls `visit` for each level of a side, best first, without making anything; `false` ends it. */
  forEachLevel(side: BookSideName, visit: (price: DecimalString, size: DecimalString, index: number) => unknown): void
  /** A copy, at most `depth` levels per side. Default: all. */
  snapshot(depth?: number): OrderBook
}

/** The one who may change it. Users see it as `LocalBook`. */
export class MaintainedBook implements LocalBook {
  readonly symbol: string
  isValid = false
  #sequence: number | undefined
  #timestamp: number | undefined
  readonly #bids: BookSide
  readonly #asks: BookSide

  constructor(symbol: string, maxLevels = MAX_BOOK_LEVELS) {
    this.symbol = symbol
    this.#bids = new BookSide('bids', maxLevels)
    this.#asks = new BookSide('asks', maxLevels)
  }

  get sequence(): number | undefined {
    return this.#sequence
  }

  get timestamp(): number | undefined {
    return this.#timestamp
  }

  get bestBid(): Level | undefined {
    return this.#bids.levelAt(0)
  }

  get bestAsk(): Level | undefined {
    return this.#asks.levelAt(0)
  }

  /** A bid that is no lower than the lowest ask: normal in an auction, otherwise a sign of a wrong book. */
  get isCrossed(): boolean {
    return this.#bids.crosses(this.#asks)
  }

  replace(book: OrderBook, timestamp: number): void {
    this.#bids.replace(book.bids)
    this.#asks.replace(book.asks)
    this.#sequence = book.sequence
    this.#timestamp = timestamp
  }

  apply(book: OrderBook, timestamp: number): void {
    this.#bids.apply(book.bids)
    this.#asks.apply(book.asks)
    this.#sequence = book.sequence
    this.#timestamp = timestamp
  }

  depth(side: BookSideName): number {
    return this.#side(side).count
  }

  isWhole(side: BookSideName): boolean {
    return this.#side(side).isWhole
  }

  cumulativeSize(side: BookSideName, levels: number): Decimal {
    const { count } = this.#side(side)
    return this.#sizeOf(side, Math.min(levels, count))
  }

  sizeTo(side: BookSideName, price: DecimalString | Decimal): Decimal {
    return this.#sizeOf(side, this.#side(side).countTo(price))
  }

  mid(): Decimal | undefined {
    const best = this.#best()
    return best?.bid.plus(best.ask).div(2)
  }

  microprice(): Decimal | undefined {
    const best = this.#best()
    if (best === undefined) return undefined
    const { bid, ask, bidSize, askSize } = best
    return bid.times(askSize).plus(ask.times(bidSize)).div(bidSize.plus(askSize))
  }

  spread(): Decimal | undefined {
    const best = this.#best()
    return best?.ask.minus(best.bid)
  }

  *levels(side: BookSideName): IterableIterator<Level> {
    const own = this.#side(side)
    for (let i = 0; i < own.count; i++) yield [own.priceAt(i), own.sizeAt(i)]
  }

  forEachLevel(side: BookSideName, visit: (price: DecimalString, size: DecimalString, index: number) => unknown): void {
    const own = this.#side(side)
    for (let i = 0; i < own.count; i++) if (visit(own.priceAt(i), own.sizeAt(i), i) === false) return
  }

  snapshot(depth = Infinity): OrderBook {
    return {
      kind: 'snapshot',
      bids: copyOf(this.#bids, depth),
      asks: copyOf(this.#asks, depth),
      sequence: this.#sequence,
      previousSequence: undefined,
    }
  }

  #side(side: BookSideName): BookSide {
    return side === 'bids' ? this.#bids : this.#asks
  }

  #best() {
    if (this.#bids.count === 0 || this.#asks.count === 0) return undefined
    return {
      bid: new Decimal(this.#bids.priceAt(0)),
      ask: new Decimal(this.#asks.priceAt(0)),
      bidSize: new Decimal(this.#bids.sizeAt(0)),
      askSize: new Decimal(this.#asks.sizeAt(0)),
    }
  }

  #sizeOf(side: BookSideName, levels: number): Decimal {
    const own = this.#side(side)
    let sum = new Decimal(0)
    for (let i = 0; i < levels; i++) sum = sum.plus(own.sizeAt(i))
    return sum
  }
}

function copyOf(side: BookSide, depth: number): readonly Level[] {
  const levels: Level[] = []
  for (let i = 0; i < side.count && i < depth; i++) levels.push([side.priceAt(i), side.sizeAt(i)])
  return levels
}
