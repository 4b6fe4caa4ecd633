import type { Bar, ExactPrices, ExactSums } from './bar.ts'

/** What does not fit into numbers; most bars have none of it. */
interface Rest {
  readonly firstId: string
  readonly lastId: string
  readonly prices: ExactPrices | undefined
  readonly sums: ExactSums | undefined
}

/** Numbers per bar. */
const STRIDE = 16
/** Both scales in one number. */
const SCALES = 64

/**
 * Closed bars that may still be revised, ordered by time. There may be thousands of them and hardly one is looked at again, so that they
 * are kept as rows of numbers, written one behind the other: as objects they would cost more than all the rest of the aggregation.
 */
export class ClosedBars {
  #data = new Float64Array(STRIDE * 16)
  /** First row, and the row behind the last. */
  #head = 0
  #end = 0
  readonly #rests = new Map<number, Rest>()

  get length(): number {
    return this.#end - this.#head
  }

  openTimeOf(index: number): number {
    return this.#data[(this.#head + index) * STRIDE] ?? NaN
  }

  /** Of the first bar that does not open before this time. */
  indexOf(openTime: number): number {
    let low = 0
    let high = this.length
    if (high === 0 || this.openTimeOf(high - 1) < openTime) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.openTimeOf(middle) < openTime) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Adds the bar, or replaces the one of the same bucket. */
  store(bar: Bar): void {
    const index = this.indexOf(bar.openTime)
    if (index === this.length || this.openTimeOf(index) !== bar.openTime) this.#insert(index)
    const at = (this.#head + index) * STRIDE
    const data = this.#data
    data[at] = bar.openTime
    data[at + 1] = bar.count
    data[at + 2] = bar.open
    data[at + 3] = bar.high
    data[at + 4] = bar.low
    data[at + 5] = bar.close
    data[at + 6] = bar.volume
    data[at + 7] = bar.buyVolume
    data[at + 8] = bar.quote0
    data[at + 9] = bar.quote1
    data[at + 10] = bar.quote2
    data[at + 11] = bar.firstTime
    data[at + 12] = bar.firstNumber
    data[at + 13] = bar.lastTime
    data[at + 14] = bar.lastNumber
    data[at + 15] = bar.priceScale * SCALES + bar.sizeScale
    const { firstId, lastId, prices, sums } = bar
    const isPlain = bar.firstNumber === bar.firstNumber && bar.lastNumber === bar.lastNumber
    if (!isPlain || prices !== undefined || sums !== undefined) this.#rests.set(bar.openTime, { firstId, lastId, prices, sums })
  }

  /** Fills `bar` with the one at this index. */
  load(index: number, bar: Bar, lengthMs: number): Bar {
    const at = (this.#head + index) * STRIDE
    const number = (field: number): number => this.#data[at + field] ?? NaN
    bar.reset(number(0), number(0) + lengthMs)
    bar.isClosed = true
    bar.count = number(1)
    bar.open = number(2)
    bar.high = number(3)
    bar.low = number(4)
    bar.close = number(5)
    bar.volume = number(6)
    bar.buyVolume = number(7)
    bar.quote0 = number(8)
    bar.quote1 = number(9)
    bar.quote2 = number(10)
    bar.firstTime = number(11)
    bar.firstNumber = number(12)
    bar.lastTime = number(13)
    bar.lastNumber = number(14)
    bar.priceScale = Math.floor(number(15) / SCALES)
    bar.sizeScale = number(15) % SCALES
    const rest = this.#rests.get(bar.openTime)
    bar.firstId = rest?.firstId ?? String(bar.firstNumber)
    bar.lastId = rest?.lastId ?? String(bar.lastNumber)
    // A copy: the bar changes its prices in place.
    bar.prices = rest?.prices && { ...rest.prices }
    bar.sums = rest?.sums
    return bar
  }

  /** Forgets the oldest. */
  shift(): void {
    if (this.#rests.size > 0) this.#rests.delete(this.openTimeOf(0))
    this.#head++
  }

  #insert(index: number): void {
    if ((this.#end + 1) * STRIDE > this.#data.length) this.#makeRoom()
    const at = this.#head + index
    if (at < this.#end) this.#data.copyWithin((at + 1) * STRIDE, at * STRIDE, this.#end * STRIDE)
    this.#end++
  }

  #makeRoom(): void {
    const kept = this.#data.subarray(this.#head * STRIDE, this.#end * STRIDE)
    // Half of it has to be free, so that moving costs nothing per bar.
    if (kept.length * 2 > this.#data.length) {
      const larger = new Float64Array(this.#data.length * 2)
      larger.set(kept)
      this.#data = larger
    } else this.#data.set(kept)
    this.#end -= this.#head
    this.#head = 0
  }
}
