import { compareDecimals } from '../../domain/compare-decimals.ts'
import { isZero, type Decimal, type DecimalString } from '../../domain/decimal.ts'
import type { Level } from '../../domain/market-data.ts'
import { priceKey } from '../../domain/price-key.ts'

/** A part of a text this long or longer keeps the whole text alive in V8; shorter parts are copies. Characters. */
const SLICE_LENGTH = 13
const FEWEST_SPARE = 8
const MOST_SPARE = 48
const NOTHING = '' as DecimalString

/**
 * One side of a book: price levels, best first, in the exchange's own digits.
 *
 * Three parallel arrays instead of an object per level: a quarter of the memory, and a search that touches only numbers. There is
 * room at both ends, because both ends are where books change. An edit moves whatever is fewer, the levels before it or those
 * behind it.
 *
 * It never shows a level with an unknown one before it: once levels had to be given up, whatever is no better than the best of them
 * is left out, for it would stand behind a hole.
 */
export class BookSide {
  readonly #maxLevels: number
  /** Turns prices into keys that rise from the best price to the worst. */
  readonly #sign: 1 | -1
  #keys = new Float64Array(0)
  #prices: DecimalString[] = []
  #sizes: DecimalString[] = []
  /** Place of the best level. */
  #start = 0
  #count = 0
  /** Key of the best level that was given up. Of what is there, and behind it, nothing is known. */
  #unknownFrom = Infinity

  constructor(side: 'bids' | 'asks', maxLevels: number) {
    this.#sign = side === 'bids' ? -1 : 1
    this.#maxLevels = maxLevels
  }

  /** How many levels there are. */
  get count(): number {
    return this.#count
  }

  /** Whether these are all the levels that the exchange told of; false when there were too many to keep. */
  get isWhole(): boolean {
    return this.#unknownFrom === Infinity
  }

  /** The price of the level at `index`, 0 being the best. Only for an index below `count`. */
  priceAt(index: number): DecimalString {
    return this.#prices[this.#start + index] as DecimalString
  }

  /** The size of the level at `index`, 0 being the best. Only for an index below `count`. */
  sizeAt(index: number): DecimalString {
    return this.#sizes[this.#start + index] as DecimalString
  }

  levelAt(index: number): Level | undefined {
    return index < this.#count ? [this.priceAt(index), this.sizeAt(index)] : undefined
  }

  /** Whether its best price is not on its own side of the other's: a bid that is no lower than the ask. */
  crosses(other: BookSide): boolean {
    if (this.#count === 0 || other.#count === 0) return false
    return this.#sign * compareDecimals(this.priceAt(0), other.priceAt(0)) <= 0
  }

  /** How many of the best levels are at `price` or better. */
  countTo(price: DecimalString | Decimal): number {
    const place = this.#find(this.#sign * Number(price), typeof price === 'string' ? price : (price.toFixed() as DecimalString))
    return (place < 0 ? ~place : place + 1) - this.#start
  }

  /** Forgets everything and takes these levels; they may come in any order. */
  replace(levels: readonly Level[]): void {
    this.#prices.fill(NOTHING)
    this.#sizes.fill(NOTHING)
    this.#count = 0
    this.#unknownFrom = Infinity
    this.#makeRoom(Math.min(levels.length, this.#maxLevels))
    this.apply(levels)
  }

  /** Takes the absolute sizes of these levels; size 0 removes one. Of more than `maxLevels` the worst are given up. */
  apply(levels: readonly Level[]): void {
    for (let i = 0; i < levels.length; i++) {
      const level = levels[i] as Level
      this.#set(level[0], level[1])
    }
    // Not earlier: while a frame is half applied there may be a level more than before and after it.
    if (this.#count > this.#maxLevels) this.#giveUp(this.#count - this.#maxLevels)
  }

  #set(price: DecimalString, size: DecimalString): void {
    const key = this.#sign * priceKey(price)
    if (key >= this.#unknownFrom) return
    const place = this.#find(key, price)
    if (isZero(size)) {
      if (place >= 0) this.#removeAt(place)
    } else if (place >= 0) {
      this.#prices[place] = detached(price)
      this.#sizes[place] = detached(size)
    } else {
      this.#insertAt(~place, key, detached(price), detached(size))
      // Keeps one absurd frame from costing much; no honest one comes near.
      if (this.#count > 2 * this.#maxLevels) this.#giveUp(this.#maxLevels)
    }
  }

  /** The worst ones, and those that a float cannot tell from them. */
  #giveUp(count: number): void {
    const end = this.#start + this.#count
    this.#unknownFrom = this.#keys[end - count] as number
    while (this.#count > 0 && (this.#keys[this.#start + this.#count - 1] as number) >= this.#unknownFrom) {
      this.#removeAt(this.#start + this.#count - 1)
    }
  }

  /** The place of the level with this price, or `~place` of where it would be. */
  #find(key: number, price: DecimalString): number {
    const keys = this.#keys
    const end = this.#start + this.#count
    let low = this.#start
    let high = end
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((keys[middle] as number) < key) low = middle + 1
      else high = middle
    }
    // Two ways to write one price are one level; two prices that no float can tell apart are two.
    for (; low < end && keys[low] === key; low++) {
      const order = this.#sign * compareDecimals(price, this.#prices[low] as DecimalString)
      if (order === 0) return low
      if (order < 0) return ~low
    }
    return ~low
  }

  #insertAt(wanted: number, key: number, price: DecimalString, size: DecimalString): void {
    let place = wanted
    const movesBetter = place - this.#start < this.#count >> 1
    if (movesBetter ? this.#start === 0 : this.#start + this.#count === this.#keys.length) {
      const index = place - this.#start
      this.#makeRoom(this.#count + 1)
      place = this.#start + index
    }
    if (movesBetter) {
      this.#start--
      place--
      this.#move(this.#start + 1, place + 1, -1)
    } else {
      this.#move(place, this.#start + this.#count, 1)
    }
    this.#keys[place] = key
    this.#prices[place] = price
    this.#sizes[place] = size
    this.#count++
  }

  #removeAt(place: number): void {
    if (place - this.#start < this.#count >> 1) {
      this.#move(this.#start, place, 1)
      this.#start++
    } else {
      this.#move(place + 1, this.#start + this.#count, -1)
    }
    this.#count--
  }

  /** Moves the levels from `from` up to but without `to` by `by` places. */
  #move(from: number, to: number, by: number): void {
    const keys = this.#keys
    const prices = this.#prices
    const sizes = this.#sizes
    const step = by < 0 ? 1 : -1
    for (let i = by < 0 ? from : to - 1, left = to - from; left > 0; i += step, left--) {
      keys[i + by] = keys[i] as number
      prices[i + by] = prices[i] as DecimalString
      sizes[i + by] = sizes[i] as DecimalString
    }
  }

  /** Puts what there is into the middle of arrays with room for `count` levels and some more at both ends. */
  #makeRoom(count: number): void {
    const spare = Math.min(MOST_SPARE, Math.max(FEWEST_SPARE, count >> 2))
    const length = Math.max(this.#keys.length, count + 2 * spare)
    const start = (length - count) >> 1
    const keys = new Float64Array(length)
    const prices = new Array<DecimalString>(length).fill(NOTHING)
    const sizes = new Array<DecimalString>(length).fill(NOTHING)
    for (let i = 0; i < this.#count; i++) {
      keys[start + i] = this.#keys[this.#start + i] as number
      prices[start + i] = this.priceAt(i)
      sizes[start + i] = this.sizeAt(i)
    }
    this.#keys = keys
    this.#prices = prices
    this.#sizes = sizes
    this.#start = start
  }
}

/** The same text without the frame it was cut out of. */
function detached(text: DecimalString): DecimalString {
  return text.length < SLICE_LENGTH ? text : ((' ' + text).slice(1) as DecimalString)
}
