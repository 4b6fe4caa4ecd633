import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import type { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { ConsolidatedQuote } from './quote.ts'

/**
 * - `added`, `removed`, `closed`: by `add`, by `remove`, by `close` or its signal
 * - `silence`: no quote for `staleAfterMs`
 * - `status`: the collector is in a state in which it vouches for nothing
 * - `subscription`: the subscription the quote came from is not confirmed any more, or silent
 * - `book`: the local book the quote came from is invalid
 * - `quote`: a new quote came
 */
export type VenueReason = 'added' | 'removed' | 'closed' | 'silence' | 'status' | 'subscription' | 'book' | 'quote'

/**
 * What became of a venue. `stale`: its quote is not counted any more; `recovered`: it is again. A venue that has not quoted yet, or
 * never will because it collects trades only, is neither.
 */
export interface VenueChange {
  readonly venue: string
  readonly exchange: string
  readonly state: 'joined' | 'stale' | 'recovered' | 'left'
  readonly reason: VenueReason
  /** The same in words, for people. */
  readonly detail: string
  /** Epoch milliseconds by our clock. */
  readonly at: number
}

/** A trade of one venue, as its collector delivered it. */
export interface ConsolidatedTrade extends PointOf<'trade'> {
  /** The venue's name in the view: its exchange, with a number where there are several of one exchange. */
  readonly venue: string
}

/** What `view.on` offers. Listeners are fenced: one that throws or rejects stops neither the others nor the view. */
export interface ConsolidatedEvents {
  /** Best bid or offer changed: price, size or venue. */
  quote: (quote: ConsolidatedQuote) => void
  trade: (trade: ConsolidatedTrade) => void
  /** With the option `candles`: a candle of all venues' trades, its `exchange` is `consolidated`. */
  candle: (candle: OhlcvData) => void
  venue: (change: VenueChange) => void
  /**
   * A listener failed (`CALLBACK_FAILED`), reported once per view; or the trades of a venue cannot be in the candles because it is not known
   * what their sizes count (`OHLCV_INVALID`). Unheard, it goes to the logger.
   */
  error: (error: TapekeeperError) => void
}
