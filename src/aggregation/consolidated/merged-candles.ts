import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import { notBefore, type ExchangeTime } from '../../kit/exchange-time.ts'
import { momentOf, type Clock, type Moment } from '../../ports/clock.ts'
import { CandleAggregator } from '../candle-aggregator.ts'
import { DueTimer } from '../due-timer.ts'
import { StampDoubts } from '../stamp-doubts.ts'
import type { SizeTerms } from '../quote-rule.ts'
import { commonUnitOf, sizeIn, type CommonUnit } from './common-unit.ts'
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

/** What `MergedCandles` is to know of a venue. */
export interface CandleVenue {
  readonly time: ExchangeTime
  /** What its sizes count, as far as it is known by now. */
  readonly instrument: () => SizeTerms | undefined
  /** Its trades flow already. Otherwise `heard` tells when they do. */
  readonly isHeard: boolean
}

interface Member {
  readonly time: ExchangeTime
  readonly stamps: StampDoubts
  readonly instrument: () => SizeTerms | undefined
  /** What was made of the instrument as it was then. */
  unit: { readonly of: SizeTerms | undefined; readonly is: CommonUnit | undefined } | undefined
  doubt: Doubt | undefined
  /** The times of its trades that could not be counted, while that lasts. */
  uncounted: { readonly from: number; to: number } | undefined
}

export interface MergedCandlesHooks {
  readonly onCandle: (candle: OhlcvData) => void
  /** The trades of this venue are left out from now on. */
  readonly onUncounted: (venue: string, reason: string) => void
}

const BEFORE_START = 'before-start'
/** While no exchange has told the time, it cannot be told since when trades are heard. */
const SIZE_UNKNOWN = 'size-unknown'
const START_UNKNOWN = { fromTime: undefined, toTime: Infinity, fromId: 'start', reason: BEFORE_START } as const

/**
 * Candles of the merged trades. The trades are unique when they get here, and are placed by their own time, so that nothing depends on
 * which venue's line is faster. They close by the exchanges' time, carried on by elapsed time; until one of them has told it, nothing
 * closes. Sizes are added in one unit, whatever each venue counts in. A candle is complete when every venue in the view was heard for
 * all of it.
 */
export class MergedCandles {
  readonly #clock: Clock
  readonly #aggregator: CandleAggregator
  /** The venues that are heard or to be heard, with what is not known of them. */
  readonly #venues = new Map<string, Member>()
  readonly #latenessMs: number
  readonly #symbol: string
  /** What sizes count at venues that do not say. */
  readonly #instrument: SizeTerms | undefined
  readonly #hooks: MergedCandlesHooks
  /** What the sizes are added in: that of the first venue of which it is known. */
  #currency: CommonUnit['currency'] | undefined
  readonly #timer: DueTimer
  /** Since when every venue is heard, as long as the exchanges' time is not known; undefined afterwards. */
  #begins: Moment | undefined
  /** What the exchanges' clocks were ahead of elapsed time when they were looked at last. */
  #offset: number | undefined

  constructor({ instrument, ...options }: CandleOptions, symbol: string, clock: Clock, hooks: MergedCandlesHooks) {
    this.#clock = clock
    this.#symbol = symbol
    this.#instrument = instrument
    this.#hooks = hooks
    this.#latenessMs = options.allowedLatenessMs
    this.#begins = momentOf(clock)
    this.#timer = new DueTimer(clock, () => {
      this.#advance()
      this.#arm()
    })
    // Ids of different exchanges may be equal, and copies have been dropped already.
    this.#aggregator = new CandleAggregator({
      ...options,
      ...{ exchange: CONSOLIDATED, symbol, dropDuplicates: false },
      instrument: { sizeUnit: 'base' },
      onCandle: (candle) => hooks.onCandle(this.#currency === 'quote' ? { ...candle, quoteVolume: candle.volume } : candle),
    })
    this.#aggregator.gap({ ...START_UNKNOWN, filled: false })
  }

  join(venue: string, { time, instrument, isHeard }: CandleVenue): void {
    const stamps = new StampDoubts(this.#clock, time, (gap) => this.#aggregator.gap({ ...gap, fromId: `${venue} ${gap.fromId}` }))
    const member: Member = { time, stamps, instrument, unit: undefined, doubt: undefined, uncounted: undefined }
    this.#venues.set(venue, member)
    this.#settleStart()
    this.#doubt(venue, member, { from: this.#timeOf(member), reason: 'venue-joined' })
    if (isHeard) this.heard(venue)
    this.#arm()
  }

  /** From now on whatever this venue misses is told as a gap. */
  heard(venue: string): void {
    const member = this.#venues.get(venue)
    if (member?.doubt?.reason !== 'venue-joined') return
    this.#settleStart()
    this.#settle(venue, member, notBefore(this.#timeOf(member), this.#clock.now()), 'venue-joined')
  }

  /** Nobody knows what is traded there now; its next live trade will have shown. */
  interrupted(venue: string): void {
    const member = this.#venues.get(venue)
    if (member === undefined || member.doubt !== undefined) return
    this.#settleStart()
    // What has closed before is revised when its trades are found, or by the gap that tells that they cannot be had.
    this.#doubt(venue, member, { from: this.#now() - this.#latenessMs, reason: 'venue-interrupted' })
    this.#arm()
  }

  leave(venue: string): void {
    const member = this.#venues.get(venue)
    if (member === undefined) return
    this.#settleStart()
    const now = this.#timeOf(member)
    if (member.doubt === undefined) this.#doubt(venue, member, { from: now, reason: 'venue-left' })
    this.#settle(venue, member, now, 'venue-left')
    this.#countedAgain(venue, member)
    if (this.#venues.size === 1) this.stop()
    this.#venues.delete(venue)
  }

  /** A live trade of a venue, be it a copy of another's or not: its tape has told everything before it. */
  reached(venue: string, trade: PointOf<'trade'>): void {
    const member = this.#venues.get(venue)
    if (member === undefined) return
    member.stamps.pushed(trade)
    this.#settleStart()
    if (member.doubt?.reason === 'venue-joined') this.heard(venue)
    else if (member.doubt !== undefined) this.#settle(venue, member)
  }

  /** @throws RangeError when the trade is malformed; it then has changed nothing. */
  add(venue: string, trade: PointOf<'trade'>): void {
    if (this.#timer.isDue) this.#advance()
    const counted = this.#counted(venue, trade)
    if (counted !== undefined) this.#aggregator.add(counted)
    this.#venues.get(venue)?.stamps.delivered(trade)
    this.#arm()
  }

  /** @param trades those that were found and are no copies. */
  gap(venue: string, exchange: string, gap: VenueGap, trades: readonly PointOf<'trade'>[] | undefined): void {
    const fromId = gap.fromId === undefined ? undefined : `${exchange} ${gap.fromId}`
    this.#aggregator.gap({ ...gap, fromId, trades: trades?.flatMap((trade) => this.#counted(venue, trade) ?? []) })
    this.#arm()
  }

  /** What is due is closed; what is open stays so, because it has not ended. */
  stop(): void {
    if (this.#timer.isDue) this.#advance()
    this.#venues.clear()
    this.#timer.cancel()
  }

  /** With its size in the common unit; undefined when that cannot be told, which is then known of the candle. */
  #counted(venue: string, trade: PointOf<'trade'>): PointOf<'trade'> | undefined {
    const member = this.#venues.get(venue)
    if (member === undefined) return undefined
    const unit = this.#unitOf(member)
    this.#currency ??= unit?.currency
    if (unit === undefined || unit.currency !== this.#currency) {
      const isMixed = unit !== undefined
      this.#uncounted(
        venue,
        member,
        trade.timestamp,
        isMixed ? 'linear and inverse contracts cannot be added' : 'its instrument is not known',
      )
      return undefined
    }
    if (member.uncounted !== undefined) this.#countedAgain(venue, member)
    if (unit.contractSize === undefined) return trade
    return { ...trade, data: { ...trade.data, size: sizeIn(unit, trade.data.size) } }
  }

  #unitOf(member: Member): CommonUnit | undefined {
    const terms = member.instrument() ?? this.#instrument
    if (member.unit === undefined || member.unit.of !== terms) member.unit = { of: terms, is: commonUnitOf(this.#symbol, terms) }
    return member.unit.is
  }

  #uncounted(venue: string, member: Member, time: number, reason: string): void {
    const { uncounted } = member
    if (uncounted !== undefined && time >= uncounted.from) {
      uncounted.to = Math.max(uncounted.to, time)
      return
    }
    if (uncounted !== undefined) this.#countedAgain(venue, member)
    else this.#hooks.onUncounted(venue, reason)
    member.uncounted = { from: time, to: uncounted?.to ?? time }
    this.#aggregator.gap({ ...uncountedSpan(venue, time), filled: false })
  }

  #countedAgain(venue: string, member: Member): void {
    const { uncounted } = member
    if (uncounted === undefined) return
    member.uncounted = undefined
    this.#aggregator.gap({ fromTime: uncounted.from, toTime: uncounted.to, reason: SIZE_UNKNOWN, filled: false })
    this.#aggregator.gap({ ...uncountedSpan(venue, uncounted.from), filled: true })
  }

  #doubt(venue: string, member: Member, doubt: Doubt): void {
    member.doubt = doubt
    if (this.#begins === undefined) this.#aggregator.gap({ ...spanOf(venue, doubt), filled: false })
  }

  /** The doubt ends: at `to`, with trades missing up to there, or without a trace. */
  #settle(venue: string, member: Member, to?: number, reason?: MergedReason): void {
    const { doubt } = member
    if (doubt === undefined) return
    member.doubt = undefined
    if (this.#begins !== undefined) {
      if (to !== undefined) this.#begins = momentOf(this.#clock)
      return
    }
    // First this: in between, no candle may look complete. A bucket that begins just then lacks nothing.
    if (to !== undefined && reason !== undefined)
      this.#aggregator.gap({ fromTime: doubt.from, toTime: to - 1, reason, filled: false })
    this.#aggregator.gap({ ...spanOf(venue, doubt), filled: true })
    this.#arm()
  }

  /** As soon as an exchange has told the time: since when all are heard, and from when on which are not. */
  #settleStart(): void {
    const begins = this.#begins
    if (begins === undefined || !this.#venuesKnowTheTime()) return
    this.#begins = undefined
    const since = notBefore(this.#now() - (this.#clock.elapsed() - begins.elapsed), begins.at)
    this.#aggregator.advance(since)
    this.#aggregator.gap({ fromTime: undefined, toTime: since - 1, reason: BEFORE_START, filled: false })
    this.#aggregator.gap({ ...START_UNKNOWN, filled: true })
    for (const [venue, member] of this.#venues)
      if (member.doubt !== undefined) this.#doubt(venue, member, { ...member.doubt, from: since })
  }

  #venuesKnowTheTime(): boolean {
    for (const { time } of this.#venues.values()) if (time.isSeen) return true
    return false
  }

  #advance(): void {
    this.#settleStart()
    if (this.#begins === undefined) this.#aggregator.advance(this.#now())
  }

  #arm(): void {
    if (this.#venues.size === 0 || this.#begins !== undefined) return
    this.#timer.arm((this.#aggregator.nextDueAt() ?? Infinity) - this.#now())
  }

  /**
   * What time it is: what more than half of the exchanges have reached, of two the one that is behind. Nothing that is on time at one
   * exchange is late because of another's clock, and one clock that is wrong holds up nobody where there are three.
   */
  #now(): number {
    const elapsed = this.#clock.elapsed()
    const times = [...this.#venues.values()].flatMap(({ time }) => (time.isSeen ? [time.now()] : []))
    const agreed = times.sort((a, b) => a - b)[(times.length - 1) >> 1]
    if (agreed !== undefined) this.#offset = agreed - elapsed
    return (this.#offset ?? NaN) + elapsed
  }

  /** What time it is at one of them: of what it missed its own stamps would tell. */
  #timeOf({ time }: Member): number {
    return time.isSeen ? time.now() : this.#now()
  }
}

const uncountedSpan = (venue: string, from: number) =>
  ({ fromTime: from, toTime: Infinity, fromId: `size of ${venue}`, reason: SIZE_UNKNOWN }) as const

/** Told apart from another venue's doubt of the same time by `fromId`. */
const spanOf = (venue: string, { from, reason }: Doubt) =>
  ({ fromTime: from, toTime: Infinity, fromId: `venue ${venue}`, reason }) as const
