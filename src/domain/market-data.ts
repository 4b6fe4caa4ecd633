import type { DataType } from './data-type.ts'
import type { Decimal, DecimalString } from './decimal.ts'
import type { CandleTimeframe } from './timeframe.ts'

/** The taker's side. */
export type Side = 'buy' | 'sell'

/**
 * One trade on the tape.
 * Units: `price` in quote currency; `size` in base currency on spot and in contracts on derivatives (see `Instrument.sizeUnit`).
 */
export interface Trade {
  /** The exchange's id, unique per instrument. For a merged row (`count` > 1) the id of its last fill. */
  readonly id: string
  readonly price: DecimalString
  readonly size: DecimalString
  /** The taker's side. */
  readonly side: Side
  /** How many fills the exchange merged into this row; undefined when it does not say. */
  readonly count?: number | undefined
  /** True when the trade was recovered over REST instead of arriving live. */
  readonly backfilled: boolean
}

/** Statistics of the last 24 hours and the best quote. What the exchange does not send is undefined, never 0. */
export interface Ticker {
  readonly last: DecimalString | undefined
  readonly bid: DecimalString | undefined
  readonly bidSize: DecimalString | undefined
  readonly ask: DecimalString | undefined
  readonly askSize: DecimalString | undefined
  readonly open24h: DecimalString | undefined
  readonly high24h: DecimalString | undefined
  readonly low24h: DecimalString | undefined
  /** In the unit of `Trade.size`. */
  readonly volume24h: DecimalString | undefined
  readonly quoteVolume24h: DecimalString | undefined
}

/** `[price, size]`, the price above 0. In an update, size `0` removes the level; a snapshot has no such levels. */
export type Level = readonly [price: DecimalString, size: DecimalString]

/** An order book, or a change of one. */
export interface OrderBook {
  /** `snapshot` replaces what was known, `update` amends it. */
  readonly kind: 'snapshot' | 'update'
  /** In a snapshot best (highest) first and each price once; in an update as the exchange sends them. Above the asks before an opening. */
  readonly bids: readonly Level[]
  /** Likewise, best (lowest) first. */
  readonly asks: readonly Level[]
  /** The exchange's sequence number of this state, where it sends one. */
  readonly sequence: number | undefined
  /** The sequence number this update builds on, where the exchange sends one. */
  readonly previousSequence: number | undefined
}

/** One candle. Prices and volumes are `Decimal`, exact. The interval is half-open: `[openTime, closeTime)`, UTC. */
export interface OhlcvData {
  readonly exchange: string
  readonly symbol: string
  readonly timeframe: CandleTimeframe
  /** Epoch milliseconds, inclusive. */
  readonly openTime: number
  /** Epoch milliseconds, exclusive. */
  readonly closeTime: number
  readonly open: Decimal
  readonly high: Decimal
  readonly low: Decimal
  readonly close: Decimal
  /** In the unit of `Trade.size`. */
  readonly volume: Decimal
  /**
   * What was traded, in quote currency: on spot price times size; where sizes count contracts, these times the contract's size, times the
   * price too when that is in base currency (linear). Undefined where it cannot be known.
   */
  readonly quoteVolume: Decimal | undefined
  /** The part of `volume` whose taker bought; undefined when the source does not say. */
  readonly takerBuyVolume: Decimal | undefined
  /** Fills. */
  readonly tradesCount: number | undefined
  readonly status: 'open' | 'closed' | 'revised'
  /** False when trades are known to be missing from it. */
  readonly complete: boolean
  /** Why not, in the word of the first gap that touches it: a `GapReason`, or for example `too-late`; undefined when complete. */
  readonly incompleteReason: string | undefined
  readonly source: 'trades' | 'exchange'
}

/** One asset of an account. Units: the asset itself. What the account mode does not show is undefined. */
export interface Balance {
  readonly asset: string
  readonly free: DecimalString | undefined
  readonly locked: DecimalString | undefined
  readonly total: DecimalString | undefined
}

/** The payload of each data type. */
export interface DataOf {
  readonly ticker: Ticker
  readonly trade: Trade
  readonly orderbook: OrderBook
  readonly candle: OhlcvData
  readonly balance: Balance
}

/** One typed piece of market data of one kind. */
export interface PointOf<T extends DataType> {
  readonly exchange: string
  /** Ours, for example `BTC-USDT` or `BTC-USDT-PERP`. For a balance, which belongs to an account and not to a pair: the asset. */
  readonly symbol: string
  readonly dataType: T
  /** The exchange's time, epoch milliseconds. */
  readonly timestamp: number
  /** When the frame reached us, epoch milliseconds. */
  readonly receivedAt: number
  readonly data: DataOf[T]
}

/**
 * What callbacks and iterators receive: a union that `dataType` tells apart.
 *
 * @example
 * ```ts
 * import type { MarketDataPoint } from 'tapekeeper'
 * function show(point: MarketDataPoint) {
 *   if (point.dataType === 'trade') console.log(point.symbol, point.data.price)
 * }
 * ```
 */
export type MarketDataPoint = { [T in DataType]: PointOf<T> }[DataType]
