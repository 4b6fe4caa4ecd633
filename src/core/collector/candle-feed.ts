import { z } from 'zod'
import { CandleAggregator } from '../../aggregation/candle-aggregator.ts'
import { aggregatorSnapshot, type AggregatorSnapshot } from '../../aggregation/aggregator-snapshot.ts'
import type { CandleGap } from '../../aggregation/aggregator-types.ts'
import { DueTimer } from '../../aggregation/due-timer.ts'
import type { DecimalString } from '../../domain/decimal.ts'
import type { Instrument } from '../../domain/instrument.ts'
import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import type { Timeframe } from '../../domain/timeframe.ts'
import type { Clock } from '../../ports/clock.ts'

export interface CandleFeedOptions {
  readonly exchange: string
  readonly symbol: string
  /** Undefined when the exchange's list could not be had. */
  readonly instrument: Instrument | undefined
  readonly timeframes: readonly Timeframe[]
  readonly completeSeries: boolean
  readonly allowedLatenessMs: number
  readonly reviseWithinMs: number
  readonly updateIntervalMs: number
  readonly clock: Clock
  /** Whether everything that was traded up to now has come, as far as anybody knows. */
  readonly isWhole: () => boolean
  /** The latest trade of the market, where a complete series is to begin without waiting for the next. May reject. */
  readonly latestTrade: () => Promise<PointOf<'trade'> | undefined>
  readonly onCandle: (candle: OhlcvData) => void
}

/**
 * A trade may come so long after its candle was closed by our clock, be it that this is fast; from a stop or a crash between the two the
 * candle has to come back. Milliseconds.
 */
const MAX_DELAY_MS = 10_000

const feedState = z.object({
  /** Since when its trades were heard; null when it is not known. */
  since: z.number().nullable(),
  snapshot: aggregatorSnapshot,
})

/** The candles of one trade stream as they happen: the aggregator, with a clock and with what is known about missing trades. */
export class CandleFeed {
  readonly #options: CandleFeedOptions
  #aggregator: CandleAggregator | undefined
  /** Since when the stream flows; exchange time as far as our clock knows it. */
  #since: number | undefined
  #hasTraded = false
  readonly #timer: DueTimer
  #isPaused = false
  /** What closed lately may lack trades that are still to come. */
  #isInDoubt = false

  constructor(options: CandleFeedOptions) {
    this.#options = options
    this.#timer = new DueTimer(options.clock, () => this.#tick())
  }

  /** The stream flows from now on. Candles begin here; or go on, and what was missed comes with the next trade, or is known to be missing. */
  resume(): void {
    this.#isPaused = false
    this.#since ??= Math.ceil(this.#options.clock.now())
    if (this.#aggregator === undefined && this.#options.completeSeries) void this.#beginWithPrice(this.#since)
    else this.#aggregator ??= this.#begin(this.#since)
    this.#tick()
  }

  /** @throws RangeError for a trade that is none. */
  trade(point: PointOf<'trade'>): void {
    // The first trade may come before the word that the stream flows, and others may have gone before it.
    const aggregator = (this.#aggregator ??= this.#begin(this.#since ?? point.timestamp + 1))
    if (!this.#hasTraded && !point.data.backfilled) this.#correctClock(aggregator, point)
    const isWhole = this.#options.isWhole()
    aggregator.add(point, isWhole)
    if (isWhole && !point.data.backfilled) this.#isInDoubt = false
    this.#schedule()
  }

  /** Everything that is open, as text, for `restore`; with it what has closed lately, or in doubt, and may have to be revised. */
  state(): string | undefined {
    if (this.#aggregator === undefined) return undefined
    const closed = this.#isInDoubt || !this.#options.isWhole() || MAX_DELAY_MS
    const state: z.input<typeof feedState> = { since: this.#since ?? null, snapshot: this.#aggregator.snapshot({ closed }) }
    return JSON.stringify(state)
  }

  /**
   * Goes on where another feed was when it said its state; what was traded meanwhile comes with the next trade. To be called before
   * anything else.
   *
   * @throws when this is no state of a feed with the same options.
   */
  restore(text: string): void {
    const { since, snapshot } = feedState.parse(JSON.parse(text))
    this.#aggregator = this.#begin(since ?? undefined, undefined, snapshot)
    this.#since = since ?? undefined
    this.#hasTraded = true
    this.#isInDoubt = true
    this.#aggregator.doubt('interrupted')
  }

  /** One that an earlier process declared, and these candles know nothing of, is filled without them: they may have its trades. */
  gap(gap: CandleGap): void {
    if (gap.filled && this.#aggregator?.knows(gap) !== true) return
    this.#aggregator?.gap(gap)
    this.#schedule()
  }

  /** What closes from now on cannot be known to be complete, until the next trade shows what has come before it. */
  interrupted(): void {
    this.#catchUp()
    this.#isInDoubt = true
    this.#aggregator?.doubt('interrupted')
  }

  /** No more candles until it is resumed. */
  pause(): void {
    this.interrupted()
    this.#isPaused = true
    this.#timer.cancel()
  }

  /** The first trade that comes live tells whether our clock is slow: then the stream began later than we thought. */
  #correctClock(aggregator: CandleAggregator, { timestamp, receivedAt }: PointOf<'trade'>): void {
    this.#hasTraded = true
    const slowMs = timestamp - receivedAt
    if (slowMs <= 0 || this.#since === undefined) return
    const toTime = this.#since + Math.ceil(slowMs)
    aggregator.gap({ fromTime: this.#since, toTime, reason: 'before-start', filled: false })
  }

  async #beginWithPrice(since: number): Promise<void> {
    // Without an answer the series begins with the first trade.
    const latest = await this.#options.latestTrade().catch(() => undefined)
    if (this.#aggregator !== undefined || this.#isPaused) return
    // What was traded since then comes by itself.
    const price = latest !== undefined && latest.timestamp < since ? latest.data.price : undefined
    this.#aggregator = this.#begin(since, price)
    this.#tick()
  }

  #begin(since: number | undefined, previousClose?: DecimalString, snapshot?: AggregatorSnapshot): CandleAggregator {
    const { exchange, symbol, instrument, timeframes, completeSeries, allowedLatenessMs, reviseWithinMs, updateIntervalMs } =
      this.#options
    return new CandleAggregator({
      exchange,
      symbol,
      instrument,
      timeframes,
      completeSeries,
      allowedLatenessMs,
      reviseWithinMs,
      updateIntervalMs: updateIntervalMs === 0 ? undefined : updateIntervalMs,
      since,
      previousClose,
      snapshot,
      // The tape lets no trade through twice.
      dropDuplicates: false,
      onCandle: this.#options.onCandle,
    })
  }

  #catchUp(): void {
    if (this.#isPaused) return
    // A hole is being repaired: what closes now may lack what comes in a moment, and is revised then.
    if (!this.#options.isWhole()) {
      this.#isInDoubt = true
      this.#aggregator?.doubt('repairing')
    }
    this.#aggregator?.advance(this.#options.clock.now())
  }

  #tick(): void {
    this.#catchUp()
    this.#schedule()
  }

  #schedule(): void {
    if (!this.#isPaused) this.#timer.arm(this.#aggregator?.nextDueAt())
  }
}
