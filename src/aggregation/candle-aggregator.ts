import { Decimal } from '../domain/decimal.ts'
import type { OhlcvData } from '../domain/market-data.ts'
import { EARLIEST_TIME, LATEST_TIME, timeFlaw } from '../domain/timestamp.ts'
import { parseConfig } from '../errors/config-problems.ts'
import { aggregatorOptions, type CandleAggregatorOptions } from './aggregator-options.ts'
import { restoreLevels, snapshotOf } from './aggregator-state.ts'
import type { AggregatorSnapshot } from './aggregator-snapshot.ts'
import { LONGEST_SILENCE_MS } from './agreed-time.ts'
import type { AggregatorStatistics, CandleGap } from './aggregator-types.ts'
import { openViews } from './open-views.ts'
import { candleOf, emptyCandle } from './bar-candle.ts'
import { Bar } from './bar.ts'
import { levelsOf, type Level } from './level.ts'
import { quoteRuleOf } from './quote-rule.ts'
import { SeenTrades } from './seen-trades.ts'
import { TradeRow, type TradeInput } from './trade-row.ts'
import { Truth, type KnownGap } from './truth.ts'

type Counts = { -readonly [K in keyof AggregatorStatistics]: number }
type Options = ReturnType<typeof parseOptions>

const OVERLAP = 'overlap'
const TIME_DOUBTFUL = 'time-doubtful'
/** A trade that is not live and stamped so far ahead of what time it is has a wrong time. Milliseconds. */
const AHEAD_MS = 5_000

/**
 * Makes candles of trades, exactly. It owns no timer and reads no clock: time comes in with {@link advance}.
 *
 * Trades may come in any order; what arrives within `allowedLatenessMs` gives the same candles, to the byte. Higher timeframes are folded
 * from closed lower ones. A `closed` candle that changes later comes again as `revised`.
 *
 * @throws TapekeeperError `CONFIG_INVALID` for options that are wrong or misspelt, or a snapshot of something else.
 * @example
 * ```ts
 * import { CandleAggregator } from 'tapekeeper'
 * const aggregator = new CandleAggregator({
 *   exchange: 'okx',
 *   symbol: 'BTC-USDT',
 *   timeframes: ['1s', '1m'],
 *   onCandle: ({ timeframe, status, close }) => console.log(timeframe, status, close.toString()),
 * })
 * aggregator.add({ id: '1', price: '30227.6', size: '0.01', side: 'buy', timestamp: 1_700_000_000_250 })
 * aggregator.advance(1_700_000_001_000) // 1s closed 30227.6
 * ```
 */
export class CandleAggregator {
  readonly #options: Options
  // Looked at for every trade.
  readonly #latenessMs: number
  readonly #dropsDuplicates: boolean
  readonly #makesUpdates: boolean
  readonly #levels: readonly Level[]
  /** The levels that are fed by each trade. */
  readonly #roots: readonly Level[]
  readonly #truth: Truth
  readonly #seen: SeenTrades
  readonly #previousClose: Decimal | undefined
  readonly #row = new TradeRow()
  readonly #view = new Bar()
  readonly #counts: Counts = { trades: 0, duplicates: 0, overlapping: 0, late: 0, tooLate: 0 }
  #now = -Infinity
  /** Buckets that end here or before are closed. */
  #closedTo = -Infinity
  /** Trades before this are too late. */
  #horizon = -Infinity
  /** The end of the next bucket; Infinity when there is none. */
  #nextEnd = Infinity
  /** The greatest time of a trade. */
  #latest = -Infinity
  #hasRevisions = false
  /** Times of the trades since the last `open` candles. */
  #touchedFrom = Infinity
  #touchedTo = -Infinity
  #updatedAt = -Infinity

  constructor(options: CandleAggregatorOptions) {
    const parsed = parseOptions(options)
    this.#options = parsed
    this.#latenessMs = parsed.allowedLatenessMs
    this.#dropsDuplicates = parsed.dropDuplicates
    this.#makesUpdates = parsed.updateIntervalMs !== undefined
    const { exchange, symbol, instrument, timeframes, completeSeries, previousClose, since, snapshot } = parsed
    const quoteRule = quoteRuleOf(symbol, instrument)
    this.#levels = levelsOf({ exchange, symbol, quoteRule }, timeframes, completeSeries)
    this.#roots = this.#levels.filter(({ source }) => source === undefined)
    this.#previousClose = previousClose === undefined ? undefined : new Decimal(previousClose)
    this.#truth = new Truth(since ?? -Infinity, snapshot?.truth)
    this.#seen = new SeenTrades(parsed.allowedLatenessMs + parsed.reviseWithinMs, snapshot?.seen)
    if (snapshot === undefined) {
      if (since !== undefined) this.#startSeries(since)
      return
    }
    restoreLevels(this.#levels, snapshot, { exchange, symbol, completeSeries })
    this.#now = snapshot.now ?? -Infinity
    this.#closedTo = snapshot.closedTo ?? -Infinity
    this.#horizon = snapshot.horizon ?? -Infinity
    this.#latest = snapshot.latest ?? -Infinity
    ;[this.#row.price.scale, this.#row.size.scale] = snapshot.scales
    this.#reschedule()
  }

  get statistics(): AggregatorStatistics {
    return { ...this.#counts }
  }

  /**
   * Takes a trade into its candles. Into candles that have closed, too: those are revised at once.
   *
   * @param isCaughtUp false when others are known to have been traded meanwhile: in doubt it then proves only what lies before it.
   * @throws RangeError when id, price, size, side, time or count is no such thing; the trade then has changed nothing.
   */
  add(trade: TradeInput, isCaughtUp = true): void {
    const row = this.#row
    row.read(trade)
    this.#take(row, trade)
    if (this.#truth.doubt !== undefined) this.#settleDoubt(row, isCaughtUp)
    if (this.#hasRevisions) this.#emitRevisions()
  }

  /** Adds a batch; a candle that several of them revise is revised once. */
  addAll(trades: Iterable<TradeInput>): void {
    const row = this.#row
    for (const trade of trades) {
      row.read(trade)
      this.#take(row, trade)
      if (this.#truth.doubt !== undefined) this.#settleDoubt(row, true)
    }
    if (this.#hasRevisions) this.#emitRevisions()
  }

  /**
   * It is `now`: closes what has ended, in order of the ends, lower timeframes first. Never goes back.
   *
   * @param now the exchange's time, epoch milliseconds: what `ExchangeTime` tells, or the greatest timestamp that can be trusted. Not
   * this machine's clock, which may be wrong or stepped; and not a single timestamp that is far ahead of all others.
   * @throws RangeError when it is no time between 2009 and 2100.
   */
  advance(now: number): void {
    if (!(now >= EARLIEST_TIME && now < LATEST_TIME)) throw new RangeError(`the time to advance to ${timeFlaw(now)}`)
    if (!(now >= this.#now)) return
    const isFirst = this.#now === -Infinity
    this.#now = now
    const closedTo = now - this.#latenessMs
    if (isFirst && this.#options.since === undefined) this.#startSeries(now)
    if (closedTo >= this.#nextEnd) this.#close(closedTo)
    if (closedTo > this.#closedTo) this.#closedTo = closedTo
    if (now >= this.#seen.nextAt) this.#forget(now)
    if (this.#touchedFrom !== Infinity && now >= this.#nextUpdateAt()) this.#emitOpen(now)
  }

  /** When the next candle closes, epoch milliseconds; undefined while nothing is open. */
  nextCloseAt(): number | undefined {
    return this.#nextEnd === Infinity ? undefined : this.#nextEnd + this.#options.allowedLatenessMs
  }

  /** When `advance` has something to do, a close or `open` candles: for whoever sets a timer. Epoch milliseconds. */
  nextDueAt(): number | undefined {
    const close = this.nextCloseAt()
    if (this.#touchedFrom === Infinity) return close
    return Math.min(close ?? Infinity, Math.max(this.#nextUpdateAt(), this.#now))
  }

  /**
   * Closes everything, whatever the time: the input has ended. A complete series ends with the last trade, but is not carried on through
   * more than a year without one: what comes then is incomplete, `time-doubtful`.
   *
   * @param believedTo the same of candles that open after this, epoch milliseconds: the series is not carried on to them.
   */
  flush(believedTo = Infinity): void {
    this.#close(Infinity, believedTo)
    this.#touchedFrom = Infinity
    this.#touchedTo = -Infinity
  }

  /** Trades are missing, or have been found: what that touches is incomplete, or complete again. Closed candles are revised. */
  gap(gap: CandleGap): void {
    const span = this.#spanOf(gap)
    if (gap.filled) {
      const before = this.#counts.tooLate
      for (const trade of gap.trades ?? []) {
        this.#row.read(trade)
        this.#take(this.#row, trade)
      }
      // What came too late is still missing.
      if (this.#counts.tooLate === before) this.#truth.removeGap(span)
    } else this.#truth.addGap({ ...span, reason: gap.reason })
    this.#reviseSpan(span.from, span.to)
    this.#emitRevisions()
  }

  /** Whether the trades of a gap that is filled now were known to be missing; those of any other may be in the candles already. */
  knows(filled: CandleGap): boolean {
    return this.#truth.hasGap(this.#spanOf(filled))
  }

  #spanOf({ fromTime, toTime, fromId, filled }: CandleGap): Pick<KnownGap, 'from' | 'to' | 'fromId'> {
    const to = toTime ?? (filled ? Infinity : Math.max(this.#now, this.#latest))
    return { from: fromTime ?? -Infinity, to, fromId }
  }

  /**
   * The stream is interrupted: nobody knows what is traded now. Until a trade proves that everything before it has come, what closes is
   * incomplete; then it is revised. Backfilled trades prove what lies before them, a live one everything.
   */
  doubt(reason: string): void {
    this.#setHorizon()
    // A trade that is stamped ahead of its time proves nothing of the time between.
    const from = this.#now === -Infinity ? this.#latest : Math.min(this.#latest, this.#now)
    this.#truth.doubt ??= { from, closedTo: this.#closedTo, reason }
  }

  /**
   * Everything there is, as plain JSON; an aggregator made with it goes on as this one would. `closed: false` leaves out the closed
   * candles that might still be revised, which makes it small: trades for them are then too late. A number: only those that have closed
   * within so many milliseconds are in it.
   */
  snapshot({ closed = true }: { readonly closed?: boolean | number } = {}): AggregatorSnapshot {
    const { exchange, symbol, completeSeries } = this.#options
    this.#setHorizon()
    const closedFrom = this.#closedTo - (typeof closed === 'number' ? closed : closed ? Infinity : 0)
    return snapshotOf(this.#levels, closedFrom, {
      exchange,
      symbol,
      completeSeries,
      now: this.#now,
      closedTo: this.#closedTo,
      horizon: Math.max(this.#horizon, closedFrom),
      latest: this.#latest,
      scales: [this.#row.price.scale, this.#row.size.scale],
      seen: this.#seen.snapshot(),
      truth: this.#truth.snapshot(),
    })
  }

  #take(row: TradeRow, trade: TradeInput): void {
    const { time } = row
    if (this.#dropsDuplicates) {
      const known = this.#seen.see(row.id, row.idNumber, row.count)
      if (known !== 'none') {
        this.#dropKnown(known === 'all', time)
        return
      }
    }
    if (time < this.#closedTo) this.#setHorizon()
    if (time < this.#horizon) {
      this.#counts.tooLate++
      this.#truth.addTooLate(time)
      this.#reviseSpan(time, time)
      this.#options.onTooLate?.(trade)
      return
    }
    this.#counts.trades++
    for (const root of this.#roots) this.#addTo(root, row)
    if (time > this.#latest) this.#latest = time
    if (!this.#makesUpdates) return
    if (time < this.#touchedFrom) this.#touchedFrom = time
    if (time > this.#touchedTo) this.#touchedTo = time
  }

  #dropKnown(isWhole: boolean, time: number): void {
    if (isWhole) {
      this.#counts.duplicates++
      return
    }
    this.#counts.overlapping++
    this.#truth.addGap({ from: time, to: time, fromId: undefined, reason: OVERLAP })
    this.#reviseSpan(time, time)
  }

  #addTo(level: Level, row: TradeRow): void {
    const { time } = row
    let bar = level.current
    if (bar === undefined || time < bar.openTime || time >= bar.closeTime) bar = this.#barAt(level, time)
    if (!bar.isClosed) {
      bar.add(row)
      return
    }
    if (level.source === undefined && level === this.#roots[0]) this.#counts.late++
    const { lastTime, lastId, count } = bar
    bar.add(row)
    level.store(bar)
    this.#revise(level, bar, count === 0 || bar.lastTime !== lastTime || bar.lastId !== lastId)
    // It has been folded already, so that the trade goes the same way.
    for (const target of level.targets) this.#addTo(target, row)
  }

  #fold(level: Level, from: Bar): void {
    let bar = level.current
    if (bar === undefined || from.openTime < bar.openTime || from.openTime >= bar.closeTime)
      bar = this.#barAt(level, from.openTime)
    bar.merge(from)
    if (!bar.isClosed) return
    level.store(bar)
    this.#revise(level, bar, true)
    for (const target of level.targets) this.#fold(target, from)
  }

  /** The bar of a time; a closed one has to be stored after it has changed. */
  #barAt(level: Level, time: number): Bar {
    const openTime = level.bucketOf(time)
    if (openTime < level.closedTo || openTime + level.lengthMs <= this.#closedTo) {
      if (this.#options.completeSeries) this.#openSeriesLate(level, openTime)
      return level.closedAt(openTime)
    }
    const bar = level.openAt(openTime)
    if (level.nextEnd < this.#nextEnd) this.#nextEnd = level.nextEnd
    level.current = bar
    return bar
  }

  /** A trade for a closed bucket may come before a series has begun, or lie before its beginning: it begins there all the same. */
  #openSeriesLate(level: Level, openTime: number): void {
    const next = level.bucketOf(Math.max(this.#closedTo, level.closedTo))
    level.closedTo = next
    if (!(level.seriesNext <= next)) {
      level.startSeries(next)
      if (level.nextEnd < this.#nextEnd) this.#nextEnd = level.nextEnd
    }
    if (openTime < level.seriesStart) level.seriesStart = openTime
  }

  /** With a previous close a series needs no trade to begin. */
  #startSeries(time: number): void {
    if (!this.#options.completeSeries || this.#previousClose === undefined) return
    for (const level of this.#levels) if (level.seriesNext !== level.seriesNext) level.startSeries(level.bucketOf(time))
    this.#reschedule()
  }

  /** @param believedTo only at the end of the input. */
  #close(until: number, believedTo?: number): void {
    const isFlush = believedTo !== undefined
    this.#setHorizon()
    if (isFlush) this.#skipSilence(believedTo)
    while (this.#nextEnd <= until && this.#nextEnd !== Infinity) {
      const end = this.#nextEnd
      let next = Infinity
      // Shortest first: what closes is folded into longer ones only, so that one pass finds all that end here, and what ends next.
      for (const level of this.#levels) {
        // At the end of the input no empty candle follows the last trade.
        const isDone = isFlush && !level.hasOpen
        if (level.nextEnd === end && !isDone) this.#closeNext(level)
        if (level.nextEnd < next && (!isFlush || level.hasOpen)) next = level.nextEnd
      }
      this.#nextEnd = next
      if (isFlush) this.#skipSilence(believedTo)
    }
    if (isFlush) this.#reschedule()
    if (this.#hasRevisions) this.#emitRevisions()
  }

  /** A complete series goes on behind a silence that is not believed, or behind `believedTo`. */
  #skipSilence(believedTo: number): void {
    if (!this.#options.completeSeries) return
    let nextEnd = Infinity
    for (const level of this.#levels) {
      if (!level.hasOpen) continue
      const { seriesNext, nextOpenTime } = level
      const isBelieved = nextOpenTime <= believedTo && nextOpenTime - seriesNext <= LONGEST_SILENCE_MS
      if (!isBelieved && nextOpenTime > seriesNext) {
        level.skipTo(nextOpenTime)
        this.#truth.addGap({ from: nextOpenTime, to: Infinity, fromId: undefined, reason: TIME_DOUBTFUL })
      }
      nextEnd = Math.min(nextEnd, level.nextEnd)
    }
    this.#nextEnd = nextEnd
  }

  #closeNext(level: Level): void {
    const bar = level.firstOpen
    if (bar === undefined || (this.#options.completeSeries && bar.openTime !== level.seriesNext)) {
      const openTime = level.seriesNext
      level.closeEmpty()
      this.#emitEmpty(level, openTime, 'closed')
      return
    }
    level.closeFirst()
    for (const target of level.targets) this.#fold(target, bar)
    this.#emit(level, bar, 'closed')
    level.trim(this.#horizon)
  }

  #reschedule(): void {
    let next = Infinity
    for (const { nextEnd } of this.#levels) if (nextEnd < next) next = nextEnd
    this.#nextEnd = next
  }

  #forget(now: number): void {
    this.#setHorizon()
    this.#seen.advance(now)
    const longest = this.#levels[this.#levels.length - 1]
    if (longest !== undefined) this.#truth.prune(longest.bucketOf(this.#horizon))
  }

  #setHorizon(): void {
    // During an interruption nothing is given up: what was traded meanwhile comes when it is over.
    const from = Math.min(this.#closedTo - this.#options.reviseWithinMs, this.#truth.doubt?.from ?? Infinity)
    if (from > this.#horizon) this.#horizon = from
  }

  #settleDoubt(row: TradeRow, isCaughtUp: boolean): void {
    const { doubt } = this.#truth
    if (doubt === undefined) return
    const from = Math.max(doubt.from, doubt.closedTo)
    const isLive = isCaughtUp && !row.isBackfilled
    // What is read again was traded before now: another time is a wrong one.
    if (!isLive && this.#now !== -Infinity && row.time > this.#now + AHEAD_MS) return
    if (isLive || row.time >= this.#closedTo) {
      // First the candles are noted: with the doubt goes what kept the oldest of them.
      this.#reviseSpan(from, Infinity)
      this.#truth.doubt = undefined
      return
    }
    if (row.time <= doubt.from) return
    this.#reviseSpan(from, row.time)
    this.#truth.doubt = { ...doubt, from: row.time }
  }

  #revise(level: Level, bar: Bar, closeChanged: boolean): void {
    this.#hasRevisions = true
    level.revised.add(bar.openTime)
    if (!closeChanged || !this.#options.completeSeries) return
    // The empty candles behind it stand at its close.
    const end = Math.min(level.openTimeAfter(bar.openTime), level.closedTo)
    for (let openTime = bar.closeTime; openTime < end; openTime += level.lengthMs) level.revised.add(openTime)
  }

  /** Every closed candle that touches a span of time has to be looked at again. Both ends inclusive. */
  #reviseSpan(from: number, to: number): void {
    this.#setHorizon()
    for (const level of this.#levels) {
      const start = Math.max(from, this.#horizon)
      for (const openTime of level.closedTimes(start, to)) level.revised.add(openTime)
      if (!this.#options.completeSeries || level.seriesStart !== level.seriesStart) continue
      const first = Math.max(level.bucketOf(start), level.seriesStart)
      for (let openTime = first; openTime <= to && openTime < level.closedTo; openTime += level.lengthMs)
        level.revised.add(openTime)
    }
    this.#hasRevisions = true
  }

  #emitRevisions(): void {
    this.#hasRevisions = false
    for (const level of this.#levels) {
      if (level.revised.size === 0) continue
      const openTimes = [...level.revised].sort((a, b) => a - b)
      level.revised.clear()
      for (const openTime of openTimes) {
        const bar = level.findClosed(openTime)
        if (bar === undefined) this.#emitEmpty(level, openTime, 'revised')
        else this.#emit(level, bar, 'revised')
      }
    }
  }

  #nextUpdateAt(): number {
    return this.#updatedAt + (this.#options.updateIntervalMs ?? Infinity)
  }

  /** Open candles as they stand: what is folded already and what still is in the lower timeframes. */
  #emitOpen(now: number): void {
    this.#updatedAt = now
    const [from, to] = [this.#touchedFrom, this.#touchedTo]
    this.#touchedFrom = Infinity
    this.#touchedTo = -Infinity
    for (const level of this.#levels) for (const bar of openViews(level, from, to, this.#view)) this.#emit(level, bar, 'open')
  }

  #emit(level: Level, bar: Bar, status: OhlcvData['status']): void {
    const reason = this.#truth.reasonFor(bar.openTime, bar.closeTime)
    this.#options.onCandle(candleOf(bar, level.name, status, reason))
  }

  #emitEmpty(level: Level, openTime: number, status: OhlcvData['status']): void {
    const price = level.closeBefore(openTime) ?? this.#previousClose
    if (price === undefined) return
    const closeTime = openTime + level.lengthMs
    const reason = this.#truth.reasonFor(openTime, closeTime)
    this.#options.onCandle(emptyCandle(openTime, closeTime, price, level.name, status, reason))
  }
}

const parseOptions = (options: CandleAggregatorOptions) => parseConfig(aggregatorOptions, options, 'candle aggregator')
