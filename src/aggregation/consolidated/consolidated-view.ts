import type { PointOf, Trade } from '../../domain/market-data.ts'
import { messageOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { ExchangeTime } from '../../kit/exchange-time.ts'
import { Emitter } from '../../ports/emitter.ts'
import { fenceLogger } from '../../ports/logger.ts'
import { AbortListener } from '../../ports/on-abort.ts'
import { SeenTrades } from '../seen-trades.ts'
import { idNumber } from '../../domain/trade-id.ts'
import { HoldBack } from './hold-back.ts'
import { MergedCandles } from './merged-candles.ts'
import { parseViewOptions, type ConsolidatedViewOptions, type ResolvedViewOptions } from './options.ts'
import { QuoteBoard } from './quote-board.ts'
import type { ConsolidatedQuote, VenueQuote } from './quote.ts'
import { VenueFeed, type VenueFeedHooks } from './venue-feed.ts'
import type { Venue, VenueGap } from './venue.ts'
import type { ConsolidatedEvents, ConsolidatedTrade, VenueChange, VenueReason } from './view-events.ts'

/** One venue of a view. */
export interface VenueState {
  readonly venue: string
  readonly exchange: string
  /** What it quotes; undefined before its first quote, and while it is stale. */
  readonly quote: VenueQuote | undefined
  /** How long ago that quote came, by elapsed time: no step of the wall clock is in it. Milliseconds. */
  readonly quoteAgeMs: number | undefined
}

interface Member {
  readonly venue: string
  readonly exchange: string
  readonly feed: VenueFeed
  readonly time: ExchangeTime
  isStale: boolean
}

/**
 * One pair over several collectors: best bid and offer with the venue, and all trades as one stream. Prices are compared exactly.
 *
 * A venue is not counted from the moment on in which its collector, its subscription or its book says that something is wrong, or when
 * its quote is `staleAfterMs` old; it counts again with its next quote. The view does not own the collectors: it starts and stops none.
 *
 * @example
 * ```ts
 * import { ConsolidatedView, createOkxCollector } from 'tapekeeper'
 * const spot = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['ticker', 'trade'] })
 * using view = new ConsolidatedView({ symbol: 'BTC-USDT', venues: [spot] })
 * view.on('quote', ({ bid, ask }) => console.log(bid?.price, bid?.venue, ask?.price, ask?.venue))
 * await spot.start()
 * ```
 */
export class ConsolidatedView implements Disposable, AsyncDisposable {
  readonly symbol: string
  readonly #options: ResolvedViewOptions
  readonly #events: Emitter<ConsolidatedEvents>
  readonly #members = new Map<Venue, Member>()
  /** By exchange; kept while the view lives, because a collector may leave and come back. */
  readonly #seen = new Map<string, SeenTrades>()
  /** What time it is, by exchange; kept as well. */
  readonly #times = new Map<string, ExchangeTime>()
  readonly #holdBack: HoldBack | undefined
  readonly #candles: MergedCandles | undefined
  readonly #board: QuoteBoard
  readonly #abort: AbortListener
  #isClosed = false
  #isReported = false

  /** @throws TapekeeperError `CONFIG_INVALID` naming each wrong option and what is allowed. */
  constructor(options: ConsolidatedViewOptions) {
    this.#options = parseViewOptions(options)
    const { symbol, clock, staleAfterMs, orderWithinMs, candles, signal, venues } = this.#options
    this.symbol = symbol
    this.#events = new Emitter((error, event) => this.#failed(error, event))
    this.#board = new QuoteBoard({
      ...{ symbol, clock, staleAfterMs },
      feeds: () => [...this.#members.values()].map(({ venue, feed }) => [venue, feed] as const),
      onChange: (quote) => this.#events.emit('quote', quote),
    })
    this.#holdBack = orderWithinMs === undefined ? undefined : new HoldBack(clock, orderWithinMs, (trade) => this.#hand(trade))
    this.#candles =
      candles &&
      new MergedCandles(candles, symbol, clock, {
        onCandle: (candle) => this.#events.emit('candle', candle),
        onUncounted: (venue, reason) => this.#uncounted(venue, reason),
      })
    this.#abort = new AbortListener(signal, () => this.close())
    if (!this.#abort.listen()) return
    for (const venue of venues) this.add(venue)
  }

  /** Best bid and offer as of now. */
  get quote(): ConsolidatedQuote {
    return this.#board.quote
  }

  /** Every venue in the order of preference, with what it quotes. */
  get venues(): readonly VenueState[] {
    return [...this.#members.values()].map(({ venue, exchange, feed }) => {
      const quote = this.#board.isOld(feed) ? undefined : feed.quote
      return { venue, exchange, quote, quoteAgeMs: quote && feed.quoteAgeMs }
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /**
   * Takes a collector in; its next quote counts. One that is in already stays as it is.
   *
   * @returns its name in this view: its exchange, with a number from the second of the same exchange on (`okx`, `okx-2`).
   * @throws TapekeeperError `CONFIG_INVALID` when the view is closed.
   */
  add(collector: Venue): string {
    if (this.#isClosed) throw new TapekeeperError('CONFIG_INVALID', `the view of ${this.symbol} is closed: it takes no venue`)
    const known = this.#members.get(collector)
    if (known !== undefined) return known.venue
    const exchange = collector.exchangeName
    const venue = this.#freeName(exchange)
    const { symbol } = this
    const { clock } = this.#options
    const time = this.#timeOf(exchange)
    const hooks: VenueFeedHooks = {
      onQuote: (quote) => this.#onQuote(member, quote),
      onEvicted: (reason, detail) => this.#onEvicted(member, reason, detail),
      onTrade: (point) => this.#onTrade(member, point),
      onGap: (gap) => this.#onGap(member, gap),
      onTradesHeard: () => this.#candles?.heard(venue),
      onTradesInterrupted: () => this.#candles?.interrupted(venue),
    }
    const feed = new VenueFeed(collector, { symbol, clock, time, hooks })
    const member: Member = { venue, exchange, feed, time, isStale: false }
    this.#members.set(collector, member)
    if (feed.collectsTrades) this.#candles?.join(venue, { time, instrument: () => feed.instrument, isHeard: feed.hearsTrades })
    this.#announce(member, 'joined', 'added', 'added to the view')
    return venue
  }

  /** Lets a collector go. @returns whether it was there. */
  remove(collector: Venue): boolean {
    const member = this.#members.get(collector)
    if (member === undefined) return false
    this.#members.delete(collector)
    member.feed.detach()
    this.#holdBack?.forget(member.venue)
    this.#candles?.leave(member.venue)
    this.#announce(member, 'left', 'removed', 'removed from the view')
    if (this.#members.size === 0) this.#board.stop()
    this.#board.refresh()
    return true
  }

  on<K extends keyof ConsolidatedEvents>(event: K, listener: ConsolidatedEvents[K]): this {
    if (!this.#isClosed) this.#events.on(event, listener)
    return this
  }

  off<K extends keyof ConsolidatedEvents>(event: K, listener: ConsolidatedEvents[K]): this {
    this.#events.off(event, listener)
    return this
  }

  /**
   * Ends the view: hands on the trades it holds back, tells that each venue has left, and leaves no timer, callback or listener behind.
   * The collectors go on. Idempotent.
   */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#abort.leave()
    this.#board.stop()
    const members = [...this.#members.values()]
    this.#members.clear()
    for (const { feed } of members) feed.detach()
    this.#holdBack?.flush()
    this.#candles?.stop()
    for (const member of members) this.#announce(member, 'left', 'closed', 'the view was closed')
    this.#events.clear()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  #onQuote(member: Member, quote: VenueQuote): void {
    if (member.isStale) {
      member.isStale = false
      this.#announce(member, 'recovered', 'quote', `the ${quote.source} quotes again`)
    }
    this.#board.renewed()
  }

  #onEvicted(member: Member, reason: VenueReason, detail: string): void {
    member.isStale = true
    this.#announce(member, 'stale', reason, detail)
    if (!this.#isClosed) this.#board.refresh()
  }

  #onTrade({ venue, exchange, time }: Member, point: PointOf<'trade'>): void {
    if (!point.data.backfilled) this.#candles?.reached(venue, point)
    if (!this.#isNew(exchange, point.data)) return
    const trade = { ...point, venue }
    if (this.#holdBack === undefined) this.#hand(trade)
    else this.#holdBack.accept(trade, time.now())
    // Last, because it throws for a trade that is none. It sorts by time itself and needs no holding back.
    this.#candles?.add(venue, point)
  }

  #onGap({ venue, exchange }: Member, gap: VenueGap): void {
    if (this.#candles === undefined) return
    this.#candles.gap(
      venue,
      exchange,
      gap,
      gap.trades?.filter(({ data }) => this.#isNew(exchange, data)),
    )
  }

  /**
   * False for a copy by another collector of the same exchange. A row that stands for several fills is a copy as soon as one of them
   * was seen: whoever delivered that one alone delivers the others alone, too, as a backfill does.
   */
  #isNew(exchange: string, { id, count = 1 }: Trade): boolean {
    const seen = this.#seen.get(exchange) ?? new SeenTrades(this.#options.duplicateWindowMs)
    this.#seen.set(exchange, seen)
    seen.advance(this.#options.clock.elapsed())
    return seen.see(id, idNumber(id), Math.max(1, count)) === 'none'
  }

  #timeOf(exchange: string): ExchangeTime {
    const time = this.#times.get(exchange) ?? new ExchangeTime(this.#options.clock)
    this.#times.set(exchange, time)
    return time
  }

  #hand(trade: ConsolidatedTrade): void {
    this.#events.emit('trade', trade)
  }

  #freeName(exchange: string): string {
    const taken = new Set([...this.#members.values()].map(({ venue }) => venue))
    if (!taken.has(exchange)) return exchange
    let number = 2
    while (taken.has(`${exchange}-${number}`)) number++
    return `${exchange}-${number}`
  }

  #announce({ venue, exchange }: Member, state: VenueChange['state'], reason: VenueReason, detail: string): void {
    this.#events.emit('venue', { venue, exchange, state, reason, detail, at: this.#options.clock.now() })
  }

  #failed(error: unknown, event: string): void {
    if (this.#isReported) return
    this.#isReported = true
    const message = `a listener of '${event}' failed (reported once): ${messageOf(error)}`
    const fault = new TapekeeperError('CALLBACK_FAILED', message, { symbol: this.symbol, event }, { cause: error })
    this.#report(fault, event !== 'error')
  }

  #uncounted(venue: string, reason: string): void {
    const message = `trades of ${venue} are not in the candles of ${this.symbol}: what their sizes count cannot be added, ${reason}`
    this.#report(new TapekeeperError('OHLCV_INVALID', message, { symbol: this.symbol, venue }))
  }

  #report(fault: TapekeeperError, mayEmit = true): void {
    if (mayEmit && this.#events.listenerCount('error') > 0) this.#events.emit('error', fault)
    else fenceLogger(this.#options.logger).error(fault.message, { code: fault.code, symbol: this.symbol })
  }
}
