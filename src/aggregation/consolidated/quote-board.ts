import type { Cancel, Clock } from '../../ports/clock.ts'
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
  #shown: ConsolidatedQuote
  #cancelTimer: Cancel | undefined

  constructor(options: QuoteBoardOptions) {
    this.#options = options
    this.#shown = consolidate(options.symbol, [], options.clock.now())
  }

  /** As of now. */
  get quote(): ConsolidatedQuote {
    const now = this.#options.clock.now()
    return consolidate(this.#options.symbol, this.#live(now), now)
  }

  isOld({ receivedAt }: VenueQuote, now = this.#options.clock.now()): boolean {
    return now - receivedAt >= this.#options.staleAfterMs
  }

  /** A venue has a new quote. */
  renewed({ receivedAt }: VenueQuote): void {
    const now = this.#options.clock.now()
    // A timer may be late; what is too old must not be shown beside what is new.
    this.#evictOld(now)
    this.#armTimer(receivedAt + this.#options.staleAfterMs - now)
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
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  *#live(now: number): Iterable<readonly [string, VenueQuote]> {
    for (const [venue, { quote }] of this.#options.feeds())
      if (quote !== undefined && !this.isOld(quote, now)) yield [venue, quote]
  }

  #evictOld(now: number): void {
    for (const [, feed] of this.#options.feeds()) {
      const { quote } = feed
      if (quote !== undefined && this.isOld(quote, now)) feed.evict('silence', `no quote for ${now - quote.receivedAt} ms`)
    }
  }

  /** One timer for the oldest quote. Newer quotes do not move it: it looks when it fires. */
  #armTimer(delayMs: number): void {
    if (this.#cancelTimer !== undefined || delayMs === Infinity) return
    const { clock, staleAfterMs, feeds } = this.#options
    // A listener may have taken the last venue out meanwhile.
    if ([...feeds()].length === 0) return
    this.#cancelTimer = clock.after(delayMs, () => {
      this.#cancelTimer = undefined
      const now = clock.now()
      this.#evictOld(now)
      let oldest = Infinity
      for (const [, { quote }] of feeds()) oldest = Math.min(oldest, quote?.receivedAt ?? Infinity)
      this.#armTimer(oldest + staleAfterMs - now)
    })
  }
}
