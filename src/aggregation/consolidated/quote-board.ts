import type { Clock } from '../../ports/clock.ts'
import { DueTimer } from '../due-timer.ts'
import { consolidate, sameQuote, type ConsolidatedQuote, type VenueQuote } from './quote.ts'
import type { VenueFeed } from './venue-feed.ts'

export interface QuoteBoardOptions {
  readonly symbol: string
  readonly staleAfterMs: number
  readonly clock: Clock
  /** Those that count, in the order of preference. */
  readonly feeds: () => Iterable<readonly [venue: string, feed: VenueFeed]>
  readonly onChange: (quote: ConsolidatedQuote) => void
}

/** What is shown: the best of the quotes that are neither evicted nor too old. Sees to the latter by a timer of its own. */
export class QuoteBoard {
  readonly #options: QuoteBoardOptions
  readonly #timer: DueTimer
  #shown: ConsolidatedQuote

  constructor(options: QuoteBoardOptions) {
    this.#options = options
    this.#shown = consolidate(options.symbol, [], options.clock.now())
    this.#timer = new DueTimer(options.clock, () => {
      this.#evictOld()
      this.#armForOldest()
    })
  }

  /** As of now. */
  get quote(): ConsolidatedQuote {
    return consolidate(this.#options.symbol, this.#live(), this.#options.clock.now())
  }

  isOld(feed: VenueFeed): boolean {
    return feed.quoteAgeMs >= this.#options.staleAfterMs
  }

  /** A venue has a new quote. */
  renewed(): void {
    // A timer may be late; what is too old must not be shown beside what is new.
    this.#evictOld()
    this.#armForOldest()
    this.refresh()
  }

  /** Tells when what is shown is not what it was. */
  refresh(): void {
    const { quote } = this
    if (sameQuote(quote, this.#shown)) return
    this.#shown = quote
    this.#options.onChange(quote)
  }

  stop(): void {
    this.#timer.cancel()
  }

  *#live(): Iterable<readonly [string, VenueQuote]> {
    for (const [venue, feed] of this.#options.feeds())
      if (feed.quote !== undefined && !this.isOld(feed)) yield [venue, feed.quote]
  }

  #evictOld(): void {
    for (const [, feed] of this.#options.feeds())
      if (feed.quote !== undefined && this.isOld(feed)) feed.evict('silence', `no quote for ${feed.quoteAgeMs} ms`)
  }

  /** One timer for the oldest quote. Newer quotes do not move it: it looks when it fires. */
  #armForOldest(): void {
    const { staleAfterMs, feeds } = this.#options
    for (const [, feed] of feeds()) if (feed.quote !== undefined) this.#timer.arm(staleAfterMs - feed.quoteAgeMs)
  }
}
