import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import type { Clock } from '../../ports/clock.ts'
import { CandleAggregator } from '../candle-aggregator.ts'
import { DueTimer } from '../due-timer.ts'
import { CONSOLIDATED } from './merge-candles.ts'
import type { CandleOptions } from './options.ts'
import type { VenueGap } from './venue.ts'

/**
 * Why candles of several venues lack trades, beside the gaps of the venues' own tapes: one came or left in the middle, or is interrupted
 * and its next trade has to show what was missed.
 */
type MergedReason = 'venue-joined' | 'venue-left' | 'venue-interrupted'

/** A time, open at its end, in which a venue's trades may be missing. */
interface Doubt {
  readonly from: number
  readonly reason: MergedReason
}

/**
 * Candles of the merged trades. The trades are unique when they get here, and are placed by their own time, so that nothing depends on
 * which venue's line is faster. A candle is complete when every venue in the view was heard for all of it.
 */
export class MergedCandles {
  readonly #clock: Clock
  readonly #aggregator: CandleAggregator
  /** The venues that are heard or to be heard, with what is not known of them. */
  readonly #venues = new Map<string, Doubt | undefined>()
  readonly #latenessMs: number
  readonly #timer: DueTimer

  constructor(options: CandleOptions, symbol: string, clock: Clock, onCandle: (candle: OhlcvData) => void) {
    this.#clock = clock
    this.#latenessMs = options.allowedLatenessMs
    this.#timer = new DueTimer(clock, () => {
      this.#aggregator.advance(clock.now())
      this.#arm()
    })
    const since = clock.now()
    // Ids of different exchanges may be equal, and copies have been dropped already.
    this.#aggregator = new CandleAggregator({
      ...options,
      ...{ exchange: CONSOLIDATED, symbol, since, dropDuplicates: false, onCandle },
    })
    this.#aggregator.advance(since)
  }

  /** `isHeard`: its trades flow already. Otherwise `heard` tells when they do. */
  join(venue: string, isHeard: boolean): void {
    this.#doubt(venue, { from: this.#clock.now(), reason: 'venue-joined' })
    if (isHeard) this.heard(venue)
    this.#arm()
  }

  /** From now on whatever this venue misses is told as a gap. */
  heard(venue: string): void {
    const doubt = this.#venues.get(venue)
    if (doubt?.reason === 'venue-joined') this.#settle(venue, this.#clock.now(), doubt.reason)
  }

  /** Nobody knows what is traded there now; its next live trade will have shown. */
  interrupted(venue: string): void {
    if (!this.#venues.has(venue) || this.#venues.get(venue) !== undefined) return
    // What has closed before is revised when its trades are found, or by the gap that tells that they cannot be had.
    this.#doubt(venue, { from: this.#clock.now() - this.#latenessMs, reason: 'venue-interrupted' })
    this.#arm()
  }

  leave(venue: string): void {
    if (!this.#venues.has(venue)) return
    const now = this.#clock.now()
    if (this.#venues.get(venue) === undefined) this.#doubt(venue, { from: now, reason: 'venue-left' })
    this.#settle(venue, now, 'venue-left')
    this.#venues.delete(venue)
    if (this.#venues.size === 0) this.stop()
  }

  /** A live trade of a venue, be it a copy of another's or not: its tape has told everything before it. */
  reached(venue: string): void {
    const doubt = this.#venues.get(venue)
    if (doubt?.reason === 'venue-joined') this.heard(venue)
    else if (doubt !== undefined) this.#settle(venue)
  }

  /** @throws RangeError when the trade is malformed; it then has changed nothing. */
  add(trade: PointOf<'trade'>): void {
    this.#advance()
    this.#aggregator.add(trade)
    this.#arm()
  }

  gap(exchange: string, gap: VenueGap, trades: readonly PointOf<'trade'>[] | undefined): void {
    const fromId = gap.fromId === undefined ? undefined : `${exchange} ${gap.fromId}`
    this.#aggregator.gap({ ...gap, fromId, trades })
    this.#arm()
  }

  /** What is due is closed; what is open stays so, because it has not ended. */
  stop(): void {
    this.#advance()
    this.#venues.clear()
    this.#timer.cancel()
  }

  #doubt(venue: string, doubt: Doubt): void {
    this.#venues.set(venue, doubt)
    const { from, reason } = doubt
    this.#aggregator.gap({ fromTime: from, toTime: Infinity, fromId: idOf(venue), reason, filled: false })
  }

  /** The doubt ends: at `to`, with trades missing up to there, or without a trace. */
  #settle(venue: string, to?: number, reason?: MergedReason): void {
    const doubt = this.#venues.get(venue)
    if (doubt === undefined) return
    this.#venues.set(venue, undefined)
    const fromTime = doubt.from
    // First this: in between, no candle may look complete. A bucket that begins just then lacks nothing.
    if (to !== undefined && reason !== undefined) this.#aggregator.gap({ fromTime, toTime: to - 1, reason, filled: false })
    this.#aggregator.gap({ fromTime, toTime: Infinity, fromId: idOf(venue), reason: doubt.reason, filled: true })
    this.#arm()
  }

  #advance(): void {
    const now = this.#clock.now()
    if (this.#timer.isDue) this.#aggregator.advance(now)
  }

  #arm(): void {
    if (this.#venues.size > 0) this.#timer.arm((this.#aggregator.nextDueAt() ?? Infinity) - this.#clock.now())
  }
}

/** Tells one venue's doubt from another's of the same time. */
const idOf = (venue: string): string => `venue ${venue}`
