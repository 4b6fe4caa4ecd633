import { Decimal, type DecimalString } from '../../domain/decimal.ts'
import type { Level } from '../../domain/market-data.ts'
import { isZero, priceKey } from './price-key.ts'

/** A part of a text this long or longer keeps the whole text alive in V8; shorter parts are copies. Characters. */
const SLICE_LENGTH = 13
const FEWEST_SPARE = 8
const MOST_SPARE = 48
const NOTHING = '' as DecimalString

/**
 * One side of a book: price levels, best first, in the exchange's own digits.
 *
 * Three parallel arrays instead of an object per level: a quarter of the memory, and a search that touches only numbers. There is
 * room at both ends, because both ends are where books change: a new best price pushes a level out at the far end. An edit moves
 * whatever is fewer, the levels before it or those behind it.
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

  constructor(side: 'bids' | 'asks', maxLevels: number) {
    this.#sign = side === 'bids' ? -1 : 1
    this.#maxLevels = maxLevels
  }

  /** How many levels there are. */
  get count(): number {
    return this.#count
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
    const sum = (this.#keys[this.#start] as number) + (other.#keys[other.#start] as number)
    if (sum !== 0 || this.priceAt(0) === other.priceAt(0)) return sum <= 0
    return this.#sign * new Decimal(this.priceAt(0)).cmp(other.priceAt(0)) <= 0
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
    while (this.#count > this.#maxLevels) this.#removeAt(this.#start + this.#count - 1)
  }

  #set(price: DecimalString, size: DecimalString): void {
    const key = this.#sign * priceKey(price)
    const place = this.#find(key, price)
    if (isZero(size)) {
      if (place >= 0) this.#removeAt(place)
    } else if (place >= 0) {
      this.#prices[place] = detached(price)
      this.#sizes[place] = detached(size)
    } else {
      this.#insertAt(~place, key, detached(price), detached(size))
      // Keeps one absurd frame from costing much; no honest one comes near.
      if (this.#count > 2 * this.#maxLevels) this.#removeAt(this.#start + this.#count - 1)
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
    if (low === end || keys[low] !== key) return ~low
    return this.#prices[low] === price ? low : this.#findAmongEqual(low, key, price)
  }

  /** Two ways to write one price are one level; two prices that no float can tell apart are two. */
  #findAmongEqual(first: number, key: number, price: DecimalString): number {
    const exact = new Decimal(price)
    const end = this.#start + this.#count
    let place = first
    for (; place < end && this.#keys[place] === key; place++) {
      const order = this.#sign * exact.cmp(this.#prices[place] as DecimalString)
      if (order === 0) return place
      if (order < 0) return ~place
    }
    return ~place
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
    let vacated = this.#start
    if (place - this.#start < this.#count >> 1) {
      this.#move(this.#start, place, 1)
      this.#start++
    } else {
      vacated = this.#start + this.#count - 1
      this.#move(place + 1, vacated + 1, -1)
    }
    // What no longer counts is not kept alive.
    this.#prices[vacated] = NOTHING
    this.#sizes[vacated] = NOTHING
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
