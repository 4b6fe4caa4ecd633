import { addExact, compareExact, POWERS_OF_TEN, timesExact, UNFIT, type Exact } from './exact.ts'
import { compareTradeIds } from '../domain/trade-id.ts'
import type { TradeRow } from './trade-row.ts'

export interface ExactPrices {
  open: Exact
  high: Exact
  low: Exact
  close: Exact
}

export interface ExactSums {
  volume: Exact
  buyVolume: Exact
  quote: Exact
}

const WORD = 1e7
/** Two of these are still exact when added. */
const HALF_SAFE = 2 ** 52
/** The same, with room for what is carried. */
const ALMOST_HALF_SAFE = 2 ** 51
const NOTHING: Exact = { digits: 0n, scale: 0 }

/**
 * The trades of one bucket, summed exactly. Prices and volumes are integers at the scales the trades had; what does not fit a `number`
 * goes into `prices` and `sums`, which hold anything. Adding is commutative: the order of the trades makes no difference.
 */
export class Bar {
  openTime = 0
  closeTime = 0
  isClosed = false

  /** Fills. 0: there is nothing in it. */
  count = 0
  priceScale = 0
  sizeScale = 0
  /** Integers at `priceScale`, unless there are `prices`. */
  open = 0
  high = 0
  low = 0
  close = 0
  /** First and last trade, by exchange time, then id. */
  firstTime = 0
  firstNumber = NaN
  firstId = ''
  lastTime = 0
  lastNumber = NaN
  lastId = ''
  /** Integers at `sizeScale`. What `sums` hold comes on top. */
  volume = 0
  buyVolume = 0
  /** quote0 + quote1 * 10^7 + quote2 * 10^14, at `priceScale + sizeScale`. */
  quote0 = 0
  quote1 = 0
  quote2 = 0
  prices: ExactPrices | undefined = undefined
  sums: ExactSums | undefined = undefined

  reset(openTime: number, closeTime: number): this {
    this.openTime = openTime
    this.closeTime = closeTime
    this.isClosed = false
    this.count = 0
    this.volume = this.buyVolume = this.quote0 = this.quote1 = this.quote2 = 0
    this.prices = undefined
    this.sums = undefined
    return this
  }

  add(row: TradeRow): void {
    const { price, size } = row
    if (this.priceScale !== price.scale || this.sizeScale !== size.scale) this.#rescale(price.scale, size.scale)
    if (price.mantissa !== UNFIT && this.prices === undefined) this.#addPrice(row, price.mantissa)
    else this.#addExactPrice(row)
    this.count += row.count
    if (price.mantissa === UNFIT || size.mantissa === UNFIT) {
      const [exactPrice, exactSize] = [price.toExact(), size.toExact()]
      this.#addSums(exactSize, row.isBuy ? exactSize : NOTHING, timesExact(exactPrice, exactSize))
      return
    }
    const s = size.mantissa
    this.volume += s
    if (row.isBuy) this.buyVolume += s
    if (this.volume > HALF_SAFE) this.#spillSums()
    const p = price.mantissa
    const product = p * s
    // Below this a product is exact; above, it is taken in words.
    if (product < HALF_SAFE) this.quote0 += product
    else {
      const p1 = Math.floor(p / WORD)
      const p0 = p - p1 * WORD
      const s1 = Math.floor(s / WORD)
      const s0 = s - s1 * WORD
      this.quote0 += p0 * s0
      this.quote1 += p0 * s1 + p1 * s0
      this.quote2 += p1 * s1
    }
    if (this.quote0 > HALF_SAFE || this.quote1 > ALMOST_HALF_SAFE) this.#carry()
  }

  /** Adds everything that is in `other`, which is of a lower timeframe. */
  merge(other: Bar): void {
    if (other.count === 0) return
    if (this.priceScale !== other.priceScale || this.sizeScale !== other.sizeScale) this.#equalize(other)
    if (this.prices === undefined && other.prices === undefined) this.#mergePrices(other)
    else this.#mergeExactPrices(other)
    this.count += other.count
    if (other.sums !== undefined) this.#addSums(other.sums.volume, other.sums.buyVolume, other.sums.quote)
    this.volume += other.volume
    this.buyVolume += other.buyVolume
    if (this.volume > HALF_SAFE) this.#spillSums()
    this.quote0 += other.quote0
    this.quote1 += other.quote1
    this.quote2 += other.quote2
    if (this.quote0 > HALF_SAFE || this.quote1 > ALMOST_HALF_SAFE) this.#carry()
  }

  /** Moves what is above a word up, so that there is room again. */
  #carry(): void {
    const up = Math.floor(this.quote0 / WORD)
    this.quote0 -= up * WORD
    this.quote1 += up
    const upper = Math.floor(this.quote1 / WORD)
    this.quote1 -= upper * WORD
    // Prices being less than 10^14, it stays below the volumes that were added, which spill in time.
    this.quote2 += upper
  }

  exactPrices(): ExactPrices {
    if (this.prices !== undefined) return this.prices
    const scale = this.priceScale
    const exact = (price: number): Exact => ({ digits: BigInt(price), scale })
    return { open: exact(this.open), high: exact(this.high), low: exact(this.low), close: exact(this.close) }
  }

  /** The sums of everything, whatever its form. */
  exactSums(): ExactSums {
    const volume = { digits: BigInt(this.volume), scale: this.sizeScale }
    const buyVolume = { digits: BigInt(this.buyVolume), scale: this.sizeScale }
    const words = (BigInt(this.quote2) * 10_000_000n + BigInt(this.quote1)) * 10_000_000n + BigInt(this.quote0)
    const quote = { digits: words, scale: this.priceScale + this.sizeScale }
    return {
      volume: addExact(this.sums?.volume, volume),
      buyVolume: addExact(this.sums?.buyVolume, buyVolume),
      quote: addExact(this.sums?.quote, quote),
    }
  }

  #addPrice(row: TradeRow, p: number): void {
    const { time } = row
    if (this.count === 0) {
      this.open = this.high = this.low = this.close = p
      this.#setFirst(row)
      this.#setLast(row)
      return
    }
    if (p > this.high) this.high = p
    else if (p < this.low) this.low = p
    if (time > this.lastTime || (time === this.lastTime && this.#isAfterLast(row.id, row.idNumber))) {
      this.close = p
      this.#setLast(row)
    } else if (time < this.firstTime || (time === this.firstTime && this.#isBeforeFirst(row.id, row.idNumber))) {
      this.open = p
      this.#setFirst(row)
    }
  }

  #addExactPrice(row: TradeRow): void {
    const price = row.price.toExact()
    if (this.count === 0) {
      this.prices = { open: price, high: price, low: price, close: price }
      this.#setFirst(row)
      this.#setLast(row)
      return
    }
    const prices = (this.prices = this.exactPrices())
    if (compareExact(price, prices.high) > 0) prices.high = price
    if (compareExact(price, prices.low) < 0) prices.low = price
    if (row.time > this.lastTime || (row.time === this.lastTime && this.#isAfterLast(row.id, row.idNumber))) {
      prices.close = price
      this.#setLast(row)
    } else if (row.time < this.firstTime || (row.time === this.firstTime && this.#isBeforeFirst(row.id, row.idNumber))) {
      prices.open = price
      this.#setFirst(row)
    }
  }

  #mergePrices(other: Bar): void {
    if (this.count === 0) {
      this.open = other.open
      this.high = other.high
      this.low = other.low
      this.close = other.close
      this.#copyFirst(other)
      this.#copyLast(other)
      return
    }
    if (other.high > this.high) this.high = other.high
    if (other.low < this.low) this.low = other.low
    if (this.#endsBefore(other)) {
      this.close = other.close
      this.#copyLast(other)
    }
    if (this.#startsAfter(other)) {
      this.open = other.open
      this.#copyFirst(other)
    }
  }

  #mergeExactPrices(other: Bar): void {
    const theirs = other.exactPrices()
    if (this.count === 0) {
      this.prices = { ...theirs }
      this.#copyFirst(other)
      this.#copyLast(other)
      return
    }
    const prices = (this.prices = this.exactPrices())
    if (compareExact(theirs.high, prices.high) > 0) prices.high = theirs.high
    if (compareExact(theirs.low, prices.low) < 0) prices.low = theirs.low
    if (this.#endsBefore(other)) {
      prices.close = theirs.close
      this.#copyLast(other)
    }
    if (this.#startsAfter(other)) {
      prices.open = theirs.open
      this.#copyFirst(other)
    }
  }

  #equalize(other: Bar): void {
    const priceScale = Math.max(this.priceScale, other.priceScale)
    const sizeScale = Math.max(this.sizeScale, other.sizeScale)
    this.#rescale(priceScale, sizeScale)
    other.#rescale(priceScale, sizeScale)
  }

  /** Rare: a trade had more decimals than any before it. The value stays the same. */
  #rescale(priceScale: number, sizeScale: number): void {
    if (this.priceScale === priceScale && this.sizeScale === sizeScale) return
    if (this.count > 0) {
      this.#spillSums()
      const up = POWERS_OF_TEN[priceScale - this.priceScale] ?? Infinity
      if (this.prices === undefined && this.high * up < HALF_SAFE) {
        this.open *= up
        this.high *= up
        this.low *= up
        this.close *= up
      } else this.prices = this.exactPrices()
    }
    this.priceScale = priceScale
    this.sizeScale = sizeScale
  }

  #spillSums(): void {
    this.sums = this.exactSums()
    this.volume = this.buyVolume = this.quote0 = this.quote1 = this.quote2 = 0
  }

  #addSums(volume: Exact, buyVolume: Exact, quote: Exact): void {
    const { sums } = this
    this.sums = {
      volume: addExact(sums?.volume, volume),
      buyVolume: addExact(sums?.buyVolume, buyVolume),
      quote: addExact(sums?.quote, quote),
    }
  }

  #setFirst(row: TradeRow): void {
    this.firstTime = row.time
    this.firstNumber = row.idNumber
    this.firstId = row.id
  }

  #setLast(row: TradeRow): void {
    this.lastTime = row.time
    this.lastNumber = row.idNumber
    this.lastId = row.id
  }

  #copyFirst(other: Bar): void {
    this.firstTime = other.firstTime
    this.firstNumber = other.firstNumber
    this.firstId = other.firstId
  }

  #copyLast(other: Bar): void {
    this.lastTime = other.lastTime
    this.lastNumber = other.lastNumber
    this.lastId = other.lastId
  }

  #endsBefore(other: Bar): boolean {
    if (other.lastTime !== this.lastTime) return other.lastTime > this.lastTime
    return this.#isAfterLast(other.lastId, other.lastNumber)
  }

  #startsAfter(other: Bar): boolean {
    if (other.firstTime !== this.firstTime) return other.firstTime < this.firstTime
    return this.#isBeforeFirst(other.firstId, other.firstNumber)
  }

  #isAfterLast(id: string, number: number): boolean {
    return compareTradeIds(id, this.lastId, number, this.lastNumber) > 0
  }

  #isBeforeFirst(id: string, number: number): boolean {
    return compareTradeIds(id, this.firstId, number, this.firstNumber) < 0
  }
}
