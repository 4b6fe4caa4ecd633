import type { z } from 'zod'
import type { DataType } from '../domain/data-type.ts'
import type { Instrument, MarketType } from '../domain/instrument.ts'
import type { CandleTimeframe } from '../domain/timeframe.ts'
import type { FrameDecoder } from './frame.ts'
import type { PointOf } from '../domain/market-data.ts'
import type { RestClient, RestLimit } from './rest-client.ts'

/** API keys of an account. Kept out of every log, error and status. */
export interface Credentials {
  readonly apiKey: string
  readonly secret: string
  readonly passphrase?: string | undefined
}

/** One thing that can be subscribed to on the wire. */
export interface Topic {
  /** Unique within the exchange, for example `trades:BTC-USDT`. */
  readonly key: string
  /** Which of the exchange's WebSocket endpoints serves it. */
  readonly endpoint: string
  readonly dataType: DataType
  /** An order book that comes as changes and must be kept; the others are whole each time. */
  readonly isIncremental?: boolean
  /** The subscription's arguments, in the exchange's words. */
  readonly args: Readonly<Record<string, string>>
}

/** Levels per side, or all that the exchange shows. */
export type OrderBookDepth = number | 'full'

/** What a collector wants, for `ExchangeDefinition.topics`. */
export interface TopicRequest {
  readonly dataType: DataType
  readonly nativeSymbol: string
  readonly orderBookDepth: OrderBookDepth
  readonly timeframes: readonly CandleTimeframe[]
  /** The collector's `customParams`, checked by the definition's schema. */
  readonly customParams: Readonly<Record<string, unknown>>
}

/** Translates symbols by the exchange's own list; the definition's convention is used for what is not on it. */
export interface SymbolLookup {
  symbolOf(nativeSymbol: string): string | undefined
}

/** Whole numbers of at least 1, each of them: anything else is refused at registration. */
export interface ExchangeLimits {
  /** New connections per second to one host, shared by everything in this process. */
  readonly dialsPerSecond: number
  /** Requests (subscribe, unsubscribe, login) per connection. */
  readonly requests: { readonly count: number; readonly perMs: number }
  /** Size of one request. */
  readonly requestBytes: number
  /** Default for the number of topics put on one connection. */
  readonly subscriptionsPerConnection: number
  /** A longer REST answer is not taken: what an exchange sends must not use up the memory. Bytes, decompressed. Default 8 MiB. */
  readonly restAnswerBytes?: number
}

export interface Keepalive {
  /** Text sent when nothing was received for most of a period. */
  readonly ping: string
  /** A connection that stays silent, ping or no ping, is replaced within two periods. Milliseconds. */
  readonly periodMs: number
}

/** What trade ids prove, and how trades that were missed can be read again. */
export interface TradeHistory {
  /**
   * - `dense`: each id is the one before plus 1
   * - `aggregated`: so are the ids of fills, but one row may stand for several (`Trade.count`), with the last one's id
   * - `none`: ids only tell copies apart
   */
  readonly contiguity: 'dense' | 'aggregated' | 'none'
  /** One page of single fills with ids below `beforeId`, newest first, marked as backfilled; empty when there are none. */
  pageBefore?(
    rest: RestClient,
    target: TradeTarget,
    beforeId: string,
    now: number,
    signal: AbortSignal,
  ): Promise<readonly PointOf<'trade'>[]>
  /**
   * The latest trade of a market, undefined when it never traded. Tells a quiet market from a stream that stopped: without it a stream
   * counts as stale after `maxSilenceDurationMs`, quiet or not.
   */
  latest?(rest: RestClient, target: TradeTarget, now: number, signal: AbortSignal): Promise<PointOf<'trade'> | undefined>
  /**
   * For `none`: all trades of a span of exchange time, both ends included, marked as backfilled, in any order. Without the trades at its ends
   * an answer proves nothing, and is asked for again.
   */
  between?(
    rest: RestClient,
    target: TradeTarget,
    fromTime: number,
    toTime: number,
    signal: AbortSignal,
  ): Promise<readonly PointOf<'trade'>[]>
}

export interface TradeTarget {
  readonly symbol: string
  readonly nativeSymbol: string
}

/** Everything the core needs to know about an exchange: data and pure functions, no socket, no timer. */
export interface ExchangeDefinition {
  readonly id: string
  readonly name: string
  /** WebSocket endpoints by name, plus `rest`. Every one can be replaced through `config.endpoints`. */
  readonly endpoints: Readonly<Record<string, string>>
  /** Endpoints that need a login before anything else is sent. */
  readonly privateEndpoints: readonly string[]
  readonly limits: ExchangeLimits
  readonly keepalive: Keepalive
  readonly dataTypes: readonly DataType[]
  readonly orderBookDepths: readonly OrderBookDepth[]
  readonly timeframes: readonly CandleTimeframe[]
  /** Requests allowed per path, counted for all of this process together. */
  readonly restLimits?: Readonly<Record<string, RestLimit>>
  /** An order book over REST as a snapshot with its sequence number, for books that come without one. */
  loadBook?(rest: RestClient, target: TradeTarget, now: () => number, signal: AbortSignal): Promise<PointOf<'orderbook'>>
  /** How the tape of trades is kept complete; without it, as for `none`. */
  readonly trades?: TradeHistory
  /**
   * Checks `config.customParams`. The core itself heeds two, whole numbers of at least 1: `pingIntervalMs` (keepalive period) and
   * `maxSubscriptionsPerSocket`.
   */
  readonly customParams: z.ZodType<Record<string, unknown>>
  /** Checks `config.credentials`; absent where nothing is private. */
  readonly credentials?: z.ZodType<Credentials>

  /** The topics that serve one data type of one instrument. */
  topics(request: TopicRequest): readonly Topic[]
  subscribe(topics: readonly Topic[], requestId: string): string
  unsubscribe(topics: readonly Topic[], requestId: string): string
  /** The login request, signed for `now` (epoch milliseconds). */
  login?(credentials: Credentials, now: number): Promise<string>
  createDecoder(symbols: SymbolLookup): FrameDecoder

  /** Native symbol by the exchange's naming convention; undefined when the symbol cannot be expressed. */
  nativeSymbolOf(symbol: string): string | undefined
  /** The other way round. */
  symbolOf(nativeSymbol: string): string | undefined
  /** Pairs offered when the live list cannot be had. */
  readonly fallbackPairs: readonly string[]
  loadInstruments(rest: RestClient, marketType: MarketType): Promise<readonly Instrument[]>
  /** The exchange's clock, epoch milliseconds. */
  loadServerTime(rest: RestClient): Promise<number>
}

/** Keeps the literal types of a definition written as an object. */
export function defineExchange<const D extends ExchangeDefinition>(definition: D): D {
  return definition
}
