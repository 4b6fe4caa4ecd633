import { CandleAggregator } from '../../aggregation/candle-aggregator.ts'
import type { CandleGap } from '../../aggregation/aggregator-types.ts'
import type { DecimalString } from '../../domain/decimal.ts'
import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import type { Timeframe } from '../../domain/timeframe.ts'
import type { Cancel, Clock } from '../../ports/clock.ts'

export interface CandleFeedOptions {
  readonly exchange: string
  readonly symbol: string
  readonly timeframes: readonly Timeframe[]
  readonly completeSeries: boolean
  readonly allowedLatenessMs: number
  readonly reviseWithinMs: number
  readonly updateIntervalMs: number
  readonly clock: Clock
  /** Whether everything that was traded up to now has come, as far as anybody knows. */
  readonly isWhole: () => boolean
  /** Price of the latest trade before this, for a complete series. */
  readonly previousClose: () => DecimalString | undefined
  readonly onCandle: (candle: OhlcvData) => void
}

/** The candles of one trade stream as they happen: the aggregator, with a clock and with what is known about missing trades. */
export class CandleFeed {
  readonly #options: CandleFeedOptions
  #aggregator: CandleAggregator | undefined
  #cancel: Cancel | undefined
  #wakeAt = Infinity
  #isPaused = false

  constructor(options: CandleFeedOptions) {
    this.#options = options
  }

  /** The stream flows from now on. Candles begin here; or go on, and what was missed comes with the next trade, or is known to be missing. */
  resume(): void {
    this.#isPaused = false
    this.#aggregator ??= this.#begin(Math.ceil(this.#options.clock.now()))
    this.#tick()
  }

  /** @throws RangeError for a trade that is none. */
  trade(point: PointOf<'trade'>): void {
    // The first trade may come before the word that the stream flows, and others may have gone before it.
    this.#aggregator ??= this.#begin(point.timestamp + 1)
    this.#aggregator.add(point)
    this.#schedule()
  }

  gap(gap: CandleGap): void {
    this.#aggregator?.gap(gap)
    this.#schedule()
  }

  /** What closes from now on cannot be known to be complete, until the next trade shows what has come before it. */
  interrupted(): void {
    this.#catchUp()
    this.#aggregator?.doubt('interrupted')
  }

  /** No more candles until it is resumed. */
  pause(): void {
    this.interrupted()
    this.#isPaused = true
    this.#cancelTimer()
  }

  #begin(since: number): CandleAggregator {
    const { exchange, symbol, timeframes, completeSeries, allowedLatenessMs, reviseWithinMs, updateIntervalMs } = this.#options
    return new CandleAggregator({
      exchange,
      symbol,
      timeframes,
      completeSeries,
      allowedLatenessMs,
      reviseWithinMs,
      updateIntervalMs: updateIntervalMs === 0 ? undefined : updateIntervalMs,
      since,
      previousClose: this.#options.previousClose(),
      // The tape lets no trade through twice.
      dropDuplicates: false,
      onCandle: this.#options.onCandle,
    })
  }

  #catchUp(): void {
    if (!this.#isPaused) this.#aggregator?.advance(this.#options.clock.now())
  }

  #tick(): void {
    this.#cancelTimer()
    // A hole is being repaired: what closes now may lack what comes in a moment, and is revised then.
    if (!this.#options.isWhole()) this.#aggregator?.doubt('repairing')
    this.#catchUp()
    this.#schedule()
  }

  #cancelTimer(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#wakeAt = Infinity
  }

  #schedule(): void {
    const dueAt = this.#aggregator?.nextDueAt()
    if (this.#isPaused || dueAt === undefined || dueAt >= this.#wakeAt) return
    const { clock } = this.#options
    this.#cancelTimer()
    this.#wakeAt = dueAt
    this.#cancel = clock.after(Math.max(0, Math.ceil(dueAt - clock.now())), () => this.#tick())
  }
}
