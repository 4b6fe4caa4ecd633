import type { Decimal } from '../domain/decimal.ts'
import { timeframeMs, TIMEFRAMES, type Timeframe } from '../domain/timeframe.ts'
import { closeOf, type SeriesName } from './bar-candle.ts'
import { Bar } from './bar.ts'
import { ClosedBars } from './closed-bars.ts'

/** One timeframe: its bars, ordered by time, first the closed ones that may still be revised, then the open ones. */
export class Level {
  readonly name: SeriesName
  readonly lengthMs: number
  /** The level whose closed bars this one is folded from; undefined when it is fed by each trade. */
  readonly source: Level | undefined
  readonly targets: Level[] = []
  /** The bar that was touched last: most likely the next trade's. */
  current: Bar | undefined
  /** When the next bar or empty bucket ends; Infinity when there is none. Epoch milliseconds, as all times here. */
  nextEnd = Infinity
  /** Buckets that open before this are closed. */
  closedTo = -Infinity
  /** Complete series: where it begins, and the bucket that closes next; NaN before it has begun. */
  seriesStart = NaN
  seriesNext = NaN
  /** The close of the last bar that is kept no longer. */
  droppedClose: Decimal | undefined
  /** Opening times of closed buckets whose candle has changed. */
  readonly revised = new Set<number>()
  /** The open bars, ordered by time, hardly ever more than a few; behind them those that wait to be used again. */
  readonly #bars: Bar[] = []
  #openCount = 0
  readonly #closed = new ClosedBars()
  /** The closed bar at hand. */
  readonly #view = new Bar()
  readonly #isSeries: boolean

  constructor(name: SeriesName, source: Level | undefined, isSeries: boolean) {
    this.name = name
    this.lengthMs = lengthOf(name.timeframe)
    this.source = source
    this.#isSeries = isSeries
    source?.targets.push(this)
  }

  get firstOpen(): Bar | undefined {
    return this.#openCount === 0 ? undefined : this.#bars[0]
  }

  /** True while there is a bar to close, here or in the levels this one is folded from. */
  get hasOpen(): boolean {
    return this.#openCount > 0 || this.source?.hasOpen === true
  }

  /** The first bucket that has a bar, here or in the levels this one is folded from; Infinity when there is none. */
  get nextOpenTime(): number {
    const own = this.firstOpen?.openTime ?? Infinity
    return this.source === undefined ? own : Math.min(own, this.bucketOf(this.source.nextOpenTime))
  }

  get openBars(): readonly Bar[] {
    return this.#bars.slice(0, this.#openCount)
  }

  bucketOf(time: number): number {
    return Math.floor(time / this.lengthMs) * this.lengthMs
  }

  /** The open bar of this bucket, a new one if there is none. */
  openAt(openTime: number): Bar {
    const bars = this.#bars
    let at = this.#openCount
    for (; at > 0; at--) {
      const before = bars[at - 1]
      if (before === undefined || before.openTime < openTime) break
      if (before.openTime === openTime) return before
    }
    const bar = (bars[this.#openCount] ?? new Bar()).reset(openTime, openTime + this.lengthMs)
    if (at < this.#openCount) {
      bars.splice(at, 0, bar)
      bars.splice(this.#openCount + 1, 1)
    } else bars[at] = bar
    this.#openCount++
    if (this.#isSeries && !(openTime >= this.seriesNext)) this.startSeries(openTime)
    this.schedule()
    return bar
  }

  /** The closed bar of this bucket, undefined if there is none. It is one object for all: `store` it when it has changed. */
  findClosed(openTime: number): Bar | undefined {
    const index = this.#closed.indexOf(openTime)
    if (index === this.#closed.length || this.#closed.openTimeOf(index) !== openTime) return undefined
    return this.#closed.load(index, this.#view, this.lengthMs)
  }

  /** The same, or an empty one. */
  closedAt(openTime: number): Bar {
    const found = this.findClosed(openTime)
    if (found !== undefined) return found
    const bar = this.#view.reset(openTime, openTime + this.lengthMs)
    bar.isClosed = true
    return bar
  }

  store(bar: Bar): void {
    this.#closed.store(bar)
  }

  startSeries(openTime: number): void {
    this.seriesStart = this.seriesNext = openTime
    this.schedule()
  }

  /** The first open bar is closed from now on; it may be used until the next one is opened. */
  closeFirst(): Bar | undefined {
    const bar = this.firstOpen
    if (bar === undefined) return undefined
    bar.isClosed = true
    if (this.current === bar) this.current = undefined
    this.#closed.store(bar)
    const last = --this.#openCount
    if (last > 0) this.#bars.copyWithin(0, 1, last + 1)
    this.#bars[last] = bar
    this.#closeTo(bar.closeTime)
    return bar
  }

  /** The next bucket of the series is closed, without a bar. */
  closeEmpty(): void {
    this.#closeTo(this.seriesNext + this.lengthMs)
  }

  /** The series goes on with this bucket. */
  skipTo(openTime: number): void {
    this.seriesNext = openTime
    this.schedule()
  }

  schedule(): void {
    if (this.seriesNext === this.seriesNext) this.nextEnd = this.seriesNext + this.lengthMs
    else this.nextEnd = this.firstOpen?.closeTime ?? Infinity
  }

  /** Forgets the closed bars that end at `horizon` or before. */
  trim(horizon: number): void {
    const closed = this.#closed
    while (closed.length > 0 && closed.openTimeOf(0) + this.lengthMs <= horizon) {
      if (this.#isSeries) this.droppedClose = closeOf(closed.load(0, this.#view, this.lengthMs))
      closed.shift()
    }
  }

  /** The close of the last closed bar before a bucket. */
  closeBefore(openTime: number): Decimal | undefined {
    const index = this.#closed.indexOf(openTime) - 1
    return index < 0 ? this.droppedClose : closeOf(this.#closed.load(index, this.#view, this.lengthMs))
  }

  /** When the next bar after a bucket opens; Infinity when there is none. */
  openTimeAfter(openTime: number): number {
    const index = this.#closed.indexOf(openTime + 1)
    return index < this.#closed.length ? this.#closed.openTimeOf(index) : (this.firstOpen?.openTime ?? Infinity)
  }

  /** Opening times of the closed bars that end after `from` and open at `to` or before. */
  *closedTimes(from: number, to: number): Generator<number, void, undefined> {
    for (let index = this.#closed.indexOf(from - this.lengthMs + 1); index < this.#closed.length; index++) {
      const openTime = this.#closed.openTimeOf(index)
      if (openTime > to) return
      yield openTime
    }
  }

  /** Puts back a bar from a snapshot, which come in order. */
  restore(bar: Bar): void {
    if (bar.isClosed) this.#closed.store(bar)
    else this.#bars[this.#openCount++] = bar
  }

  #closeTo(time: number): void {
    if (time > this.closedTo) this.closedTo = time
    if (this.#isSeries) this.seriesNext = time
    this.schedule()
  }
}

/** The levels of these timeframes, shortest first: each is folded from the longest shorter one that divides it. */
export function levelsOf(
  series: Omit<SeriesName, 'timeframe'>,
  timeframes: readonly Timeframe[],
  isSeries: boolean,
): readonly Level[] {
  const levels: Level[] = []
  for (const timeframe of TIMEFRAMES) {
    if (!timeframes.includes(timeframe)) continue
    const source = levels.findLast(({ lengthMs }) => lengthOf(timeframe) % lengthMs === 0)
    levels.push(new Level({ ...series, timeframe }, source, isSeries))
  }
  return levels
}

function lengthOf(timeframe: Timeframe): number {
  const length = timeframeMs(timeframe)
  if (length === undefined) throw new RangeError(`${timeframe} has no fixed length`)
  return length
}
