import type { PointOf, Side } from '../domain/market-data.ts'
import { decimalsOf, exactOf, mantissaOf, MANTISSA_LIMIT, MAX_FAST_SCALE, POWERS_OF_TEN, UNFIT, type Exact } from './exact.ts'
import { isPlausibleTime, timeFlaw } from '../domain/timestamp.ts'
import { idNumber } from '../domain/trade-id.ts'

/** A trade without the envelope: as it stands in a file or comes from a database. */
export interface PlainTrade {
  /** Unique within the pair. For a merged row (`count` > 1) the id of its last fill. */
  readonly id: string
  /** An unsigned decimal: `'30227.6'`. */
  readonly price: string
  readonly size: string
  /** The taker's side. */
  readonly side: Side
  /** The exchange's time, epoch milliseconds. */
  readonly timestamp: number
  /** How many fills the row stands for. Default: 1. */
  readonly count?: number | undefined
}

/** What candles are made of: a point as a collector delivers it, or the bare trade with its time. */
export type TradeInput = PlainTrade | PointOf<'trade'>

/** One side of a trade, price or size, with the scale all of them have at present. */
class Column {
  /** Decimals of `mantissa`. Grows when a value needs more. */
  scale = 0
  /** `UNFIT` when only `exact` can hold the value. */
  mantissa = 0
  exact: Exact | undefined = undefined
  #largest = 0
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  read(text: string): void {
    const mantissa = mantissaOf(text, this.scale)
    this.mantissa = mantissa
    if (mantissa === UNFIT) this.#readUnfit(text)
    else if (mantissa > this.#largest) this.#largest = mantissa
  }

  #readUnfit(text: string): void {
    if (typeof text !== 'string') throw new RangeError(`the ${this.#name} of a trade must be text, not a ${typeof text}`)
    const needed = decimalsOf(text)
    if (needed > this.scale && needed <= MAX_FAST_SCALE) {
      const grown = this.#largest * (POWERS_OF_TEN[needed - this.scale] ?? NaN)
      const mantissa = mantissaOf(text, needed)
      // One odd value must not make all the usual ones too long.
      if (mantissa !== UNFIT && grown < MANTISSA_LIMIT) {
        this.scale = needed
        this.mantissa = mantissa
        this.#largest = Math.max(grown, mantissa)
        return
      }
    }
    this.exact = exactOf(text, this.#name)
  }

  /** The value for the slow path. */
  toExact(): Exact {
    if (this.mantissa === UNFIT && this.exact !== undefined) return this.exact
    return { digits: BigInt(this.mantissa), scale: this.scale }
  }
}

/** The trade at hand, taken apart once for all bars. One object for all trades: nothing is allocated. */
export class TradeRow {
  id = ''
  /** NaN when the id is no number. */
  idNumber = NaN
  time = 0
  count = 1
  isBuy = false
  /** The exchange sent it late because it was asked for it: it says nothing about what came since. */
  isBackfilled = false
  readonly price = new Column('price')
  readonly size = new Column('size')

  /** @throws RangeError when the trade is malformed; nothing has happened then. */
  read(trade: TradeInput): void {
    // Faster than to ask `in`, and this is asked of every trade.
    const { data } = trade as Partial<PointOf<'trade'>>
    if (data !== undefined) {
      const { id, price, size, side, count, backfilled } = data
      this.#take(id, price, size, side, count, trade.timestamp)
      this.isBackfilled = backfilled
    } else {
      const plain = trade as PlainTrade
      this.#take(plain.id, plain.price, plain.size, plain.side, plain.count, plain.timestamp)
      this.isBackfilled = false
    }
  }

  #take(id: string, price: string, size: string, side: string, count: number | undefined, time: number): void {
    if (!isPlausibleTime(time)) throw badTime(time)
    if (typeof id !== 'string' || id === '') throw new RangeError(`the id of a trade must be text, and is ${show(id)}`)
    if (side !== 'buy' && side !== 'sell') throw new RangeError(`the side of a trade must be buy or sell, and is ${show(side)}`)
    this.price.read(price)
    this.size.read(size)
    this.id = id
    this.idNumber = idNumber(id)
    this.isBuy = side === 'buy'
    this.time = time
    this.count = 1
    if (count !== undefined && count !== 1) {
      if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`the count of a trade must be 1 or more, not ${count}`)
      this.count = count
    }
  }
}

const show = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value).slice(0, 80) : `of type ${typeof value}`

const badTime = (time: number): RangeError =>
  new RangeError(`the timestamp of a trade must be epoch milliseconds, not ${time}: it ${timeFlaw(time)}`)
