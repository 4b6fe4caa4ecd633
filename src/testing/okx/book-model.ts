import type { Random } from '../../ports/random.ts'

/** One price level in whole ticks and lots. */
export interface BookLevel {
  readonly price: number
  size: number
  orders: number
}

export type BookSide = 'bids' | 'asks'

/** Levels that are not as they were, best first; size 0 where a level is gone. */
export interface BookChanges {
  readonly bids: readonly BookLevel[]
  readonly asks: readonly BookLevel[]
}

/** As deep as OKX's `books` channel. */
export const BOOK_DEPTH = 400
/** A spread wider than this many ticks is closed at once. */
const WIDE_SPREAD = 6
/** The price moves by no more than this at once. Ticks. */
const WIDEST_STEP = 20
/**
 * A living order book: orders come, go and change near the top more than far away. Where best levels vanish, either side may move
 * into the room: that is the random walk of the price. Bids always stay below asks, and above zero.
 */
export class BookModel {
  readonly bids: BookLevel[] = []
  readonly asks: BookLevel[] = []
  readonly #random: Random
  readonly #typicalLots: number
  readonly #startTicks: number
  readonly #changed = { bids: new Map<number, BookLevel>(), asks: new Map<number, BookLevel>() }

  constructor(midTicks: number, typicalLots: number, random: Random, depth = BOOK_DEPTH) {
    this.#random = random
    this.#typicalLots = typicalLots
    this.#startTicks = midTicks
    let bid = midTicks
    let ask = midTicks + 1 + this.#upTo(2)
    for (let i = 0; i < depth; i++) {
      if (bid > 0) this.bids.push(this.#newLevel(bid))
      this.asks.push(this.#newLevel(ask))
      bid -= 1 + this.#upTo(3)
      ask += 1 + this.#upTo(3)
    }
  }

  /** A few random changes. */
  evolve(): void {
    for (let left = 1 + this.#upTo(4); left > 0; left--) {
      const side: BookSide = this.#random() < 0.5 ? 'bids' : 'asks'
      const index = this.#anyIndex(this[side])
      const roll = this.#random()
      if (roll < 0.5) this.#resize(side, index)
      else if (roll < 0.75) this.#insert(side, index)
      else this.#remove(side, index)
      this.#closeSpread(side)
    }
  }

  /** A taker order has eaten `levels` whole levels and `lots` of the one behind them. */
  consume(side: BookSide, levels: number, lots: number): void {
    for (let i = 0; i < levels; i++) this.#remove(side, 0)
    const best = this[side][0]
    if (best !== undefined && lots >= best.size) this.#remove(side, 0)
    else if (best !== undefined && lots > 0) {
      best.size -= lots
      this.#changed[side].set(best.price, best)
    }
    this.#closeSpread(side)
  }

  /** What has changed since the last call. */
  drainChanges(): BookChanges | undefined {
    const { bids, asks } = this.#changed
    if (bids.size === 0 && asks.size === 0) return undefined
    const changes = {
      bids: [...bids.values()].map(copy).sort((a, b) => b.price - a.price),
      asks: [...asks.values()].map(copy).sort((a, b) => a.price - b.price),
    }
    bids.clear()
    asks.clear()
    return changes
  }

  /** Forgets what has changed; true when there was something. */
  discardChanges(): boolean {
    const { bids, asks } = this.#changed
    const any = bids.size > 0 || asks.size > 0
    bids.clear()
    asks.clear()
    return any
  }

  #resize(side: BookSide, index: number): void {
    const level = this[side][index]
    if (level === undefined) return
    const { size, orders } = this.#newLevel(level.price)
    level.size = size
    level.orders = orders
    this.#changed[side].set(level.price, level)
  }

  #insert(side: BookSide, index: number): void {
    const levels = this[side]
    const direction = side === 'bids' ? -1 : 1
    const better = index === 0 ? (side === 'bids' ? this.asks : this.bids)[0]?.price : levels[index - 1]?.price
    const worse = levels[index]?.price
    if (better === undefined || worse === undefined) return
    const room = Math.abs(worse - better) - 1
    if (room < 1 || (index === 0 && !this.#mayMove(side))) {
      this.#resize(side, index)
      return
    }
    // A new best price joins the side it belongs to; elsewhere anything between the neighbours will do.
    const offset = index === 0 ? room - this.#upTo(Math.min(room, 2)) : 1 + this.#upTo(room)
    this.#place(side, index, better + direction * Math.max(1, offset))
  }

  /** Market makers: however much is taken from `side`, there is a narrow market again. Prices far from where they began tend back. */
  #closeSpread(side: BookSide): void {
    const [bid] = this.bids
    const [ask] = this.asks
    if (bid === undefined || ask === undefined || ask.price - bid.price <= WIDE_SPREAD) return
    // The other side follows a small step; a hole is filled from the side it is in, or the price would jump from hole to hole.
    const hole = ask.price - bid.price > WIDEST_STEP ? side : undefined
    const rises = hole === undefined ? this.#mayMove('bids') && (!this.#mayMove('asks') || this.#random() < 0.5) : hole === 'bids'
    if (rises) this.#place('bids', 0, ask.price - 1 - this.#upTo(3))
    else this.#place('asks', 0, bid.price + 1 + this.#upTo(3))
  }

  /** Whether this side may move towards the other: prices stay between half and twice their start. */
  #mayMove(side: BookSide): boolean {
    const price = this[side][0]?.price ?? 0
    return side === 'bids' ? price < this.#startTicks * 2 : price > this.#startTicks / 2
  }

  #place(side: BookSide, index: number, price: number): void {
    const levels = this[side]
    const level = this.#newLevel(price)
    levels.splice(index, 0, level)
    this.#changed[side].set(level.price, level)
    const dropped = levels.length > BOOK_DEPTH ? levels.pop() : undefined
    if (dropped !== undefined) this.#changed[side].set(dropped.price, { price: dropped.price, size: 0, orders: 0 })
  }

  #remove(side: BookSide, index: number): void {
    const levels = this[side]
    const level = levels[index]
    if (level === undefined || levels.length <= 5) return
    levels.splice(index, 1)
    this.#changed[side].set(level.price, { price: level.price, size: 0, orders: 0 })
    // A new order takes its place: in a gap near the top where there is one, or the book would thin out; else at the far end.
    const sign = side === 'bids' ? -1 : 1
    const near = 1 + this.#anyIndex(levels)
    const [better, worse, tail] = [levels[near - 1], levels[near], levels.at(-1)]
    if (better !== undefined && worse !== undefined && Math.abs(worse.price - better.price) > 1) this.#insert(side, near)
    else if (tail !== undefined) {
      const price = tail.price + sign * (1 + this.#upTo(3))
      if (price > 0) this.#place(side, levels.length, price)
    }
  }

  /** Near the top more often than far away. */
  #anyIndex(levels: readonly BookLevel[]): number {
    return Math.floor(levels.length * this.#random() ** 4)
  }

  #newLevel(price: number): BookLevel {
    const size = 1 + Math.floor(this.#typicalLots * (0.2 + 8 * this.#random() ** 3))
    return { price, size, orders: 1 + this.#upTo(9) }
  }

  /** A whole number from 0 to `limit` − 1. */
  #upTo(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}

const copy = (level: BookLevel): BookLevel => ({ ...level })
