import { isOfTape } from '../../domain/gap.ts'
import type { PointOf } from '../../domain/market-data.ts'
import { isPlausibleTime } from '../../domain/timestamp.ts'
import type { ExchangeTime } from '../../kit/exchange-time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { SizeTerms } from '../quote-rule.ts'
import { quoteOfLevels, quoteOfTicker, type VenueQuote } from './quote.ts'
import { TouchBook } from './touch-book.ts'
import type {
  Venue,
  VenueBookListener,
  VenueGap,
  VenueGapListener,
  VenueStatusListener,
  VenueSubscriptionListener,
} from './venue.ts'
import type { VenueReason } from './view-events.ts'

export interface VenueFeedHooks {
  readonly onQuote: (quote: VenueQuote) => void
  /** The quote it had is gone. */
  readonly onEvicted: (reason: VenueReason, detail: string) => void
  readonly onTrade: (point: PointOf<'trade'>) => void
  readonly onGap: (gap: VenueGap) => void
  /** Trades flow: what is missed from now on is told. */
  readonly onTradesHeard: () => void
  /** Trades may be missed just now. */
  readonly onTradesInterrupted: () => void
}

export interface VenueFeedOptions {
  readonly symbol: string
  readonly clock: Clock
  /** Is told by the venue's live trades what time it is at its exchange. */
  readonly time: ExchangeTime
  readonly hooks: VenueFeedHooks
}

/** A trade that has waited so long in its tape, behind a hole, does not tell what time it is now. Milliseconds. */
const HELD_MS = 1_000

/** In these a collector vouches for nothing it has said before. `degraded` is looked into: it may be about another stream. */
const HEALTHY = ['running', 'degraded']

/**
 * One venue: its collector's points and news in, its quote out.
 *
 * There is one quote, from whichever of ticker and order book spoke last. Within one of them arrival decides; between the two the
 * exchange's time does, and the order book at the same time. Bad news about the one it came from evicts it, and the next quote, being
 * fresh, is believed again.
 */
export class VenueFeed {
  readonly #venue: Venue
  readonly #symbol: string
  readonly #clock: Clock
  readonly #time: ExchangeTime
  readonly #hooks: VenueFeedHooks
  readonly #book = new TouchBook()
  #quote: VenueQuote | undefined
  /** Elapsed time at which the quote came. */
  #quotedAt = 0
  readonly #detach: () => void

  constructor(venue: Venue, { symbol, clock, time, hooks }: VenueFeedOptions) {
    this.#venue = venue
    this.#symbol = symbol
    this.#clock = clock
    this.#time = time
    this.#hooks = hooks
    const { dataTypes } = venue.getStatus()
    if (dataTypes.includes('ticker')) venue.addDataCallback('ticker', this.#onTicker)
    if (dataTypes.includes('orderbook')) venue.addDataCallback('orderbook', this.#onBook)
    if (dataTypes.includes('trade')) venue.addDataCallback('trade', this.#onTrade)
    venue.on('status', this.#onStatus)
    venue.on('subscription', this.#onSubscription)
    venue.on('book', this.#onBookState)
    venue.on('gap', this.#onGap)
    this.#detach = () => {
      venue.removeDataCallback('ticker', this.#onTicker)
      venue.removeDataCallback('orderbook', this.#onBook)
      venue.removeDataCallback('trade', this.#onTrade)
      venue.off('status', this.#onStatus)
      venue.off('subscription', this.#onSubscription)
      venue.off('book', this.#onBookState)
      venue.off('gap', this.#onGap)
    }
  }

  get instrument(): SizeTerms | undefined {
    return this.#venue.instrument
  }

  /** Undefined before the first one, and while evicted. */
  get quote(): VenueQuote | undefined {
    return this.#quote
  }

  /** How long ago the quote came, whatever the wall clock has done since. Milliseconds. */
  get quoteAgeMs(): number {
    return this.#clock.elapsed() - this.#quotedAt
  }

  get collectsTrades(): boolean {
    return this.#venue.getStatus().dataTypes.includes('trade')
  }

  get hearsTrades(): boolean {
    const { status, subscriptions } = this.#venue.getStatus()
    const own = subscriptions.filter(({ dataType }) => dataType === 'trade')
    return own.length > 0 ? own.every((subscription) => subscription.status === 'confirmed') : status === 'running'
  }

  evict(reason: VenueReason, detail: string): void {
    if (this.#quote === undefined) return
    this.#quote = undefined
    this.#hooks.onEvicted(reason, detail)
  }

  /** Hears and says nothing any more. */
  detach(): void {
    this.#detach()
    this.#quote = undefined
  }

  readonly #onTicker = ({ symbol, data, timestamp, receivedAt }: PointOf<'ticker'>): void => {
    if (symbol !== this.#symbol) return
    const before = this.#quote
    if (before?.source === 'orderbook' && timestamp <= before.timestamp) return
    const quote = quoteOfTicker(data, timestamp, receivedAt)
    if (quote !== undefined) this.#accept(quote)
  }

  readonly #onBook = ({ symbol, data, timestamp, receivedAt }: PointOf<'orderbook'>): void => {
    if (symbol !== this.#symbol) return
    // The collector's own book is right by its rules, and spares a copy of it here. It has taken this point in already.
    const kept = this.#venue.book
    const best = kept?.isValid === true && kept.symbol === symbol ? kept : this.#book.accept(data) ? this.#book : undefined
    if (best === undefined) return
    const before = this.#quote
    if (before?.source === 'ticker' && timestamp < before.timestamp) return
    this.#accept(quoteOfLevels(best.bestBid, best.bestAsk, timestamp, receivedAt))
  }

  readonly #onTrade = (point: PointOf<'trade'>): void => {
    if (point.symbol !== this.#symbol) return
    if (this.#tellsTheTime(point)) this.#time.observe(point.timestamp)
    this.#hooks.onTrade(point)
  }

  readonly #onStatus: VenueStatusListener = ({ to, reason }) => {
    const detail = `the collector is ${to}${reason === undefined ? '' : `: ${reason}`}`
    if (to === 'running') this.#hooks.onTradesHeard()
    if (!HEALTHY.includes(to)) {
      this.#hooks.onTradesInterrupted()
      this.#book.forget()
      this.evict('status', detail)
    } else if (to === 'degraded' && this.#quote !== undefined && !this.#vouchesFor(this.#quote.source)) {
      this.#book.forget()
      this.evict('subscription', detail)
    }
  }

  readonly #onSubscription: VenueSubscriptionListener = ({ symbol, dataType, status }) => {
    if (symbol !== this.#symbol) return
    if (dataType === 'trade') this.#hooks[status === 'confirmed' ? 'onTradesHeard' : 'onTradesInterrupted']()
    if (status === 'confirmed') return
    if (dataType === 'orderbook') this.#book.forget()
    if (dataType === this.#quote?.source) this.evict('subscription', `the ${dataType} subscription is ${status}`)
  }

  readonly #onBookState: VenueBookListener = ({ symbol, state, reason }) => {
    if (symbol !== this.#symbol || state === 'valid') return
    this.#book.forget()
    if (this.#quote?.source === 'orderbook') this.evict('book', `the book is invalid: ${reason}`)
  }

  readonly #onGap: VenueGapListener = (gap) => {
    // The callbacks of a view are never too slow: that gap is another consumer's own.
    if (gap.symbol === this.#symbol && isOfTape(gap)) this.#hooks.onGap(gap)
  }

  #accept(quote: VenueQuote): void {
    this.#quote = quote
    this.#quotedAt = this.#clock.elapsed()
    this.#hooks.onQuote(quote)
  }

  #tellsTheTime({ data, timestamp, receivedAt }: PointOf<'trade'>): boolean {
    if (data.backfilled || !isPlausibleTime(timestamp)) return false
    // Two stamps of one clock: when it was set between them, one trade more or less tells the time.
    const wasHeld = this.#clock.now() - receivedAt > HELD_MS
    return !wasHeld || timestamp > this.#time.now() - HELD_MS
  }

  /** A source that does not tell its subscriptions apart may mean any of them. */
  #vouchesFor(source: VenueQuote['source']): boolean {
    const own = this.#venue.getStatus().subscriptions.filter(({ dataType }) => dataType === source)
    return own.length > 0 && own.every(({ status, isStale }) => status === 'confirmed' && !isStale)
  }
}
