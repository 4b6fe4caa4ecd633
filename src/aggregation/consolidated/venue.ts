import type { Level, PointOf } from '../../domain/market-data.ts'
import type { SizeTerms } from '../quote-rule.ts'

/** What a view collects from its venues. */
export type VenueDataType = 'ticker' | 'trade' | 'orderbook'

/** The book a collector keeps, as far as a view reads it. */
export interface VenueBook {
  readonly symbol: string
  readonly isValid: boolean
  readonly bestBid: Level | undefined
  readonly bestAsk: Level | undefined
}

export interface VenueSubscription {
  readonly dataType: string
  readonly status: string
  readonly isStale: boolean
}

export type VenueStatusListener = (change: { readonly to: string; readonly reason: string | undefined }) => void

export type VenueSubscriptionListener = (change: {
  readonly symbol: string
  readonly dataType: string
  readonly status: string
}) => void

export type VenueBookListener = (change: {
  readonly symbol: string
  readonly state: 'valid' | 'invalid'
  readonly reason: string
}) => void

/** Trades of a venue that are missing, or were found: a collector's `gap` event. */
export interface VenueGap {
  readonly symbol: string
  readonly fromId: string | undefined
  readonly fromTime: number | undefined
  readonly toTime: number | undefined
  readonly reason: string
  readonly filled: boolean
  readonly trades: readonly PointOf<'trade'>[] | undefined
}

export type VenueGapListener = (gap: VenueGap) => void

export interface VenueStatus {
  readonly status: string
  readonly dataTypes: readonly string[]
  /** Empty for a source that does not tell them apart. */
  readonly subscriptions: readonly VenueSubscription[]
}

/**
 * What a view needs of a source: every collector has this shape, and so may an object of your own.
 * Data is handed over by callbacks; `status`, `subscription` and `book` tell when the latest of it is no longer to be believed, and
 * `gap` which trades are missing.
 */
export interface Venue {
  readonly exchangeName: string
  /** The book kept for the symbol, where there is one. */
  readonly book?: VenueBook | undefined
  /** What the sizes of its trades count. Without it that is base currency on spot, and not known on derivatives. */
  readonly instrument?: SizeTerms | undefined
  /** Tells which stream is in trouble while the collector is `degraded`. */
  getStatus(): VenueStatus
  on(event: 'status', listener: VenueStatusListener): unknown
  on(event: 'subscription', listener: VenueSubscriptionListener): unknown
  on(event: 'book', listener: VenueBookListener): unknown
  on(event: 'gap', listener: VenueGapListener): unknown
  off(event: 'status', listener: VenueStatusListener): unknown
  off(event: 'subscription', listener: VenueSubscriptionListener): unknown
  off(event: 'book', listener: VenueBookListener): unknown
  off(event: 'gap', listener: VenueGapListener): unknown
  addDataCallback<T extends VenueDataType>(dataType: T, callback: (point: PointOf<T>) => unknown): void
  removeDataCallback<T extends VenueDataType>(dataType: T, callback: (point: PointOf<T>) => unknown): void
}
