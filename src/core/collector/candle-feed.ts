import { z } from 'zod'
import { CandleAggregator } from '../../aggregation/candle-aggregator.ts'
import { aggregatorSnapshot, type AggregatorSnapshot } from '../../aggregation/aggregator-snapshot.ts'
import type { CandleGap } from '../../aggregation/aggregator-types.ts'
import { DueTimer } from '../../aggregation/due-timer.ts'
import { StampDoubts } from '../../aggregation/stamp-doubts.ts'
import type { DecimalString } from '../../domain/decimal.ts'
import type { Instrument } from '../../domain/instrument.ts'
import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import type { Timeframe } from '../../domain/timeframe.ts'
import { ExchangeTime, notBefore } from '../../kit/exchange-time.ts'
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
  /** The exchange's clock, epoch milliseconds: asked while something is due and no trade has told the time. May reject. */
  readonly serverTime: () => Promise<number>
  readonly onCandle: (candle: OhlcvData) => void
}

/**
 * A trade may come so long after its candle was closed, because it was delayed on its way; from a stop or a crash between the two the
 * candle has to come back. Milliseconds.
 */
const MAX_DELAY_MS = 10_000
/** The exchange is not asked for its time more often than this. Milliseconds. */
const ASK_TIME_EVERY_MS = 10_000
/** Clocks may differ by so much and still agree. Milliseconds. */
const CLOCKS_DIFFER_MS = 5_000

const BEFORE_START = 'before-start'
/** These times were passed twice: what is told of them now is not all. */
const TIME_WENT_BACK = 'time-went-back'
/** While it is not known since when trades are heard, nothing is known to be complete. */
const START_UNKNOWN = { fromTime: undefined, toTime: Infinity, fromId: 'start', reason: BEFORE_START } as const

const feedState = z.object({
  /** Since when its trades were heard; null when it is not known. */
  since: z.number().nullable(),
  snapshot: aggregatorSnapshot,
})

/**
 * The candles of one trade stream as they happen: the aggregator, with a timer and with what is known about missing trades. Candles close by
 * the exchange's time, told from what it pushes and carried on by elapsed time; until that is known nothing closes.
 */
export class CandleFeed {
  readonly #options: CandleFeedOptions
  readonly #time: ExchangeTime
  readonly #stamps: StampDoubts
  readonly #timer: DueTimer
  #aggregator: CandleAggregator | undefined
  /** Since when the stream flows: elapsed time, and the wall clock of that moment. */
  #started: { readonly elapsed: number; readonly wall: number } | undefined
  /** The same in exchange time; undefined until that is known. */
  #since: number | undefined
  /** Exchange time after which what was restored is of no use; undefined when nothing was, or it has been gone on with. */
  #restoredUntil: number | undefined
  /** A trade has come, or is known of from before: from then on the next one tells what was missed. */
  #hasBegun = false
  #isPaused = false
  /** What closed lately may lack trades that are still to come. */
  #isInDoubt = false
  #timeAskedAt = -Infinity
  /** The greatest time that candles were told. */
  #reached = -Infinity
  /** Trades that were too late for any candle. */
  #tooLate = 0

  constructor(options: CandleFeedOptions) {
    this.#options = options
    this.#time = new ExchangeTime(options.clock)
    this.#stamps = new StampDoubts(options.clock, this.#time, (gap) => this.#aggregator?.gap(gap))
    this.#timer = new DueTimer(options.clock, () => this.#tick())
  }

  /** The exchange's time, as far as it is known. */
  get time(): ExchangeTime {
    return this.#time
  }

  /** The stream flows from now on. Candles begin here; or go on, and what was missed comes with the next trade, or is known to be missing. */
  resume(): void {
    this.#isPaused = false
    this.#startHere()
    if (this.#aggregator === undefined && this.#options.completeSeries) void this.#beginWithPrice()
    else this.#aggregator ??= this.#begin()
    this.#tick()
  }

  /** A trade has just been pushed, and is on its way through the tape. */
  pushed(point: PointOf<'trade'>): void {
    this.#stamps.pushed(point)
  }

  /** @throws RangeError for a trade that is none. */
  trade(point: PointOf<'trade'>): void {
    // The first trade may come before the word that the stream flows, and others may have gone before it.
    const isEarly = this.#started === undefined
    this.#startHere()
    this.#judgeRestored()
    this.#restoredUntil = undefined
    const aggregator = (this.#aggregator ??= this.#begin())
    this.#settleStart()
    if (!this.#hasBegun) this.#startNotBefore(point.timestamp + (isEarly ? 1 : 0))
    this.#hasBegun = true
    const isWhole = this.#options.isWhole()
    const tooLate = this.#tooLate
    aggregator.add(point, isWhole)
    if (this.#tooLate > tooLate && this.#isOfNow(point)) this.#beginAgain(point)
    this.#stamps.delivered(point)
    if (isWhole && !point.data.backfilled) this.#isInDoubt = false
    this.#schedule()
  }

  /** Everything that is open, as text, for `restore`; with it what has closed lately, or in doubt, and may have to be revised. */
  state(): string | undefined {
    if (this.#aggregator === undefined) return undefined
    const closed = this.#isInDoubt || !this.#isWhole() || MAX_DELAY_MS
    const state: z.input<typeof feedState> = { since: this.#since ?? null, snapshot: this.#aggregator.snapshot({ closed }) }
    return JSON.stringify(state)
  }

  /**
   * Goes on where another feed was when it said its state; what was traded meanwhile comes with the next trade. To be called before
   * anything else.
   *
   * @param until exchange time after which too much is missing to go on: the candles then begin anew, as soon as that is known.
   * @throws when this is no state of a feed with the same options.
   */
  restore(text: string, until = Infinity): void {
    const { since, snapshot } = feedState.parse(JSON.parse(text))
    this.#aggregator = this.#newAggregator({ since: since ?? undefined, snapshot })
    this.#since = since ?? undefined
    this.#hasBegun = true
    this.#isInDoubt = true
    this.#aggregator.doubt('interrupted')
    this.#restoredUntil = until
  }

  gap(gap: CandleGap): void {
    this.#judgeRestored()
    this.#restoredUntil = undefined
    this.#aggregator?.gap(gap)
    this.#stamps.gap(gap)
    this.#schedule()
  }

  /** What closes from now on cannot be known to be complete, until the next trade shows what has come before it. */
  interrupted(): void {
    this.#catchUp()
    this.#isInDoubt = true
    this.#aggregator?.doubt('interrupted')
    if (this.#hasBegun) return
    // No next trade will show what was missed before the first one: the stream begins when it flows again.
    this.#started = undefined
    this.#since = undefined
  }

  /** No more candles until it is resumed. */
  pause(): void {
    this.interrupted()
    this.#isPaused = true
    this.#timer.cancel()
  }

  /**
   * Our own clock may have been set while nobody looked: only the exchange's time tells how old a state is. Once something has been added to
   * it, it is gone on with whatever the time.
   */
  #judgeRestored(): void {
    if (this.#restoredUntil === undefined || !this.#time.isSeen) return
    const isTooOld = this.#time.now() > this.#restoredUntil
    this.#restoredUntil = undefined
    if (!isTooOld) return
    this.#aggregator = undefined
    this.#since = undefined
    this.#hasBegun = false
    this.#isInDoubt = false
    if (this.#started === undefined) return
    if (this.#options.completeSeries) void this.#beginWithPrice()
    else this.#aggregator = this.#begin()
  }

  #isWhole(): boolean {
    return this.#hasBegun && this.#options.isWhole()
  }

  #startHere(): void {
    const { clock } = this.#options
    this.#started ??= { elapsed: clock.elapsed(), wall: clock.now() }
  }

  /** Since when trades are heard, as soon as it can be told in exchange time. */
  #settleStart(): void {
    const since = this.#since === undefined ? this.#startTime() : undefined
    if (since === undefined) return
    this.#since = since
    this.#aggregator?.gap({ fromTime: undefined, toTime: since - 1, reason: BEFORE_START, filled: false })
    this.#aggregator?.gap({ ...START_UNKNOWN, filled: true })
  }

  /** Undefined while the exchange's time is not known, or nothing flows. */
  #startTime(): number | undefined {
    if (this.#started === undefined || !this.#time.isSeen) return undefined
    const { elapsed, wall } = this.#started
    return notBefore(this.#time.at(elapsed), wall)
  }

  /** The first trade is stamped later than it can be by our reckoning: that may be slow, and the stream have begun later than we think. */
  #startNotBefore(timestamp: number): void {
    const lateMs = Math.ceil(timestamp - this.#time.now())
    if (this.#since === undefined || lateMs <= 0 || lateMs > CLOCKS_DIFFER_MS) return
    const toTime = this.#since + lateMs
    this.#aggregator?.gap({ fromTime: undefined, toTime, reason: BEFORE_START, filled: false })
  }

  #isOfNow({ data, timestamp }: PointOf<'trade'>): boolean {
    return !data.backfilled && Math.abs(timestamp - this.#time.now()) <= CLOCKS_DIFFER_MS
  }

  /** The exchange's clock was set back further than candles can be revised: they begin anew, as otherwise nothing would be told for so long. */
  #beginAgain(point: PointOf<'trade'>): void {
    this.#timer.cancel()
    this.#aggregator = this.#newAggregator({ since: undefined })
    this.#aggregator.gap({ fromTime: undefined, toTime: this.#reached, reason: TIME_WENT_BACK, filled: false })
    this.#aggregator.add(point)
  }

  async #beginWithPrice(): Promise<void> {
    // Without an answer the series begins with the first trade.
    const [latest] = await Promise.all([this.#options.latestTrade().catch(() => undefined), this.#askTime()])
    if (this.#aggregator !== undefined || this.#isPaused) return
    const since = this.#startTime()
    // What was traded since then comes by itself.
    const isBefore = latest !== undefined && since !== undefined && latest.timestamp < since
    this.#aggregator = this.#begin(isBefore ? latest.data.price : undefined)
    this.#tick()
  }

  #begin(previousClose?: DecimalString): CandleAggregator {
    this.#since = this.#startTime()
    const aggregator = this.#newAggregator({
      since: this.#since,
      previousClose: this.#since === undefined ? undefined : previousClose,
    })
    if (this.#since === undefined) aggregator.gap({ ...START_UNKNOWN, filled: false })
    return aggregator
  }

  #newAggregator(state: {
    readonly since: number | undefined
    readonly previousClose?: DecimalString | undefined
    readonly snapshot?: AggregatorSnapshot
  }): CandleAggregator {
    const { exchange, symbol, instrument, timeframes, completeSeries } = this.#options
    const { allowedLatenessMs, reviseWithinMs, updateIntervalMs, onCandle } = this.#options
    return new CandleAggregator({
      exchange,
      symbol,
      instrument,
      timeframes,
      completeSeries,
      allowedLatenessMs,
      reviseWithinMs,
      updateIntervalMs: updateIntervalMs === 0 ? undefined : updateIntervalMs,
      ...state,
      // The tape lets no trade through twice.
      dropDuplicates: false,
      onTooLate: () => this.#tooLate++,
      onCandle,
    })
  }

  #catchUp(): void {
    if (this.#isPaused) return
    this.#judgeRestored()
    this.#settleStart()
    // A hole is being repaired: what closes now may lack what comes in a moment, and is revised then.
    if (!this.#isWhole()) {
      this.#isInDoubt = true
      this.#aggregator?.doubt(this.#hasBegun ? 'repairing' : BEFORE_START)
    }
    if (this.#time.isSeen) {
      const now = this.#time.now()
      this.#reached = Math.max(this.#reached, now)
      this.#aggregator?.advance(now)
    } else if (this.#aggregator?.nextDueAt() !== undefined) void this.#askTime().then(() => this.#schedule())
  }

  /** Our own clock may be wrong by hours, and the first trades be hours away: only the exchange can say what time it is. */
  async #askTime(): Promise<void> {
    const { clock, serverTime } = this.#options
    if (this.#time.isSeen || clock.elapsed() - this.#timeAskedAt < ASK_TIME_EVERY_MS) return
    this.#timeAskedAt = clock.elapsed()
    try {
      this.#time.learn(await serverTime())
    } catch {
      // Trades will tell.
    }
  }

  #tick(): void {
    this.#catchUp()
    this.#schedule()
  }

  #schedule(): void {
    const dueAt = this.#aggregator?.nextDueAt()
    if (this.#isPaused || dueAt === undefined) return
    const { clock } = this.#options
    if (this.#time.isSeen) this.#timer.arm(dueAt - this.#time.now())
    else this.#timer.arm(this.#timeAskedAt + ASK_TIME_EVERY_MS - clock.elapsed())
  }
}
