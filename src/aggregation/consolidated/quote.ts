import { compareDecimals } from '../../domain/compare-decimals.ts'
import { decimal, type Decimal, type DecimalString } from '../../domain/decimal.ts'
import type { Level, Ticker } from '../../domain/market-data.ts'

/** One side of a venue's quote. Units: `price` in quote currency, `size` as in `Trade.size`; undefined when a ticker has no size. */
export interface QuoteSide {
  readonly price: DecimalString
  readonly size: DecimalString | undefined
}

/** Best bid and offer of one venue. */
export interface VenueQuote {
  /** Undefined when nobody bids, or the ticker does not say. */
  readonly bid: QuoteSide | undefined
  readonly ask: QuoteSide | undefined
  readonly source: 'ticker' | 'orderbook'
  /** The exchange's time, epoch milliseconds. */
  readonly timestamp: number
  /** When it reached us, epoch milliseconds. */
  readonly receivedAt: number
}

/** One side of the consolidated quote, with the venue it is from. */
export interface ConsolidatedSide extends QuoteSide {
  readonly venue: string
}

/** Best bid and offer over all live venues. */
export interface ConsolidatedQuote {
  readonly symbol: string
  /** The highest bid; undefined when no live venue has one. */
  readonly bid: ConsolidatedSide | undefined
  /** The lowest ask; undefined when no live venue has one. */
  readonly ask: ConsolidatedSide | undefined
  /** Ask − bid, exact; negative when crossed, undefined when a side is missing. */
  readonly spread: Decimal | undefined
  /** The best bid is above the best ask: two venues disagree, or one of them is slow. */
  readonly isCrossed: boolean
  /** The best bid equals the best ask. */
  readonly isLocked: boolean
  /** Epoch milliseconds by our clock. */
  readonly at: number
}

/** Undefined when the ticker carries no quote at all. */
export function quoteOfTicker(
  { bid, bidSize, ask, askSize }: Ticker,
  timestamp: number,
  receivedAt: number,
): VenueQuote | undefined {
  if (bid === undefined && ask === undefined) return undefined
  return {
    bid: bid === undefined ? undefined : { price: bid, size: bidSize },
    ask: ask === undefined ? undefined : { price: ask, size: askSize },
    source: 'ticker',
    timestamp,
    receivedAt,
  }
}

export function quoteOfLevels(bid: Level | undefined, ask: Level | undefined, timestamp: number, receivedAt: number): VenueQuote {
  return { bid: sideOf(bid), ask: sideOf(ask), source: 'orderbook', timestamp, receivedAt }
}

/** The best of both sides. Of venues with the same price the first one counts: their order is the order of preference. */
export function consolidate(
  symbol: string,
  venues: Iterable<readonly [venue: string, quote: VenueQuote]>,
  at: number,
): ConsolidatedQuote {
  let bid: ConsolidatedSide | undefined
  let ask: ConsolidatedSide | undefined
  for (const [venue, quote] of venues) {
    if (quote.bid !== undefined && (bid === undefined || compareDecimals(quote.bid.price, bid.price) > 0))
      bid = { ...quote.bid, venue }
    if (quote.ask !== undefined && (ask === undefined || compareDecimals(quote.ask.price, ask.price) < 0))
      ask = { ...quote.ask, venue }
  }
  if (bid === undefined || ask === undefined) {
    return { symbol, bid, ask, spread: undefined, isCrossed: false, isLocked: false, at }
  }
  const order = compareDecimals(bid.price, ask.price)
  const spread = decimal(ask.price).minus(bid.price)
  return { symbol, bid, ask, spread, isCrossed: order > 0, isLocked: order === 0, at }
}

/** Whether two quotes say the same, whenever they said it. */
export function sameQuote(a: ConsolidatedQuote, b: ConsolidatedQuote): boolean {
  return sameSide(a.bid, b.bid) && sameSide(a.ask, b.ask)
}

function sameSide(a: ConsolidatedSide | undefined, b: ConsolidatedSide | undefined): boolean {
  return a?.price === b?.price && a?.size === b?.size && a?.venue === b?.venue
}

const sideOf = (level: Level | undefined): QuoteSide | undefined =>
  level === undefined ? undefined : { price: level[0], size: level[1] }
