import type { Gap } from '../domain/gap.ts'
import type { OhlcvData, PointOf } from '../domain/market-data.ts'
import type { RawFrame } from '../domain/raw-frame.ts'
import type { CandleTimeframe } from '../domain/timeframe.ts'
import type { TapeCursor } from '../ports/cursor-store.ts'

/** What became of the rows of one call; the sum is the number of rows given. */
export interface WriteResult {
  readonly inserted: number
  /** Were there already and stay as they are. */
  readonly kept: number
  /** Were there already, differed, and were replaced. */
  readonly overwritten: number
}

export const STORED_KINDS = ['candles', 'trades', 'frames', 'cursors', 'gaps'] as const
export type StoredKind = (typeof STORED_KINDS)[number]

/** What a repository can do. Declared once, never changes. */
export interface RepositoryCapabilities {
  readonly stores: readonly StoredKind[]
  /** What was stored is there when the process comes again. */
  readonly isPersistent: boolean
  /** Several processes may write at the same time. */
  readonly isShared: boolean
}

export interface RepositoryHealth {
  readonly isHealthy: boolean
  /** How long the answer took, milliseconds. */
  readonly latencyMs: number
  /** What is wrong, in words without secrets; undefined when healthy. */
  readonly issue: string | undefined
}

export interface RepositoryStatistics {
  /** Rows by kind; undefined for what it does not store. */
  readonly rows: Readonly<Partial<Record<StoredKind, number>>>
  /** True when a large table was estimated instead of counted. */
  readonly isEstimate: boolean
  /** Space taken; undefined when it cannot be told. */
  readonly bytes: number | undefined
  /** Rows dropped to stay within a bound. Only a bounded repository has any. */
  readonly evicted: number
}

export const SORT_ORDERS = ['asc', 'desc'] as const
export type SortOrder = (typeof SORT_ORDERS)[number]

/** A half-open span of time: `from` is part of it, `to` is not. Epoch milliseconds; left out: no bound. */
export interface RangeQuery {
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** By time; default `asc`, oldest first. */
  readonly order?: SortOrder | undefined
  /** At most so many rows. Default: all. */
  readonly limit?: number | undefined
}

export interface Market {
  readonly exchange: string
  /** Ours, for example `BTC-USDT`. */
  readonly symbol: string
}

export interface CandleSeries extends Market {
  readonly timeframe: CandleTimeframe
}

/** Candles whose `openTime` is in the range. */
export interface CandleQuery extends CandleSeries, RangeQuery {}

/** Trades whose `timestamp` is in the range; those of one timestamp in the order of their ids. */
export interface TradeQuery extends Market, RangeQuery {}

/** Frames whose `receivedAt` is in the range; those of one moment in the order of their ids. */
export interface FrameQuery extends Market, RangeQuery {
  readonly topic?: string | undefined
}

/** A frame with the key that makes writing it twice harmless. */
export interface StoredFrame extends RawFrame {
  /** Unique, and growing within one topic of one writer. */
  readonly id: string
}

export interface SaveCandlesOptions {
  /** Replace a stored candle also by one that is not a revision. Default false. */
  readonly forceUpdateCandles?: boolean | undefined
}

/** The cursor of one trade stream. */
export interface StoredCursor {
  load(): Promise<TapeCursor | undefined>
  save(cursor: TapeCursor): Promise<void>
}

/**
 * What every repository has. All methods reject with `DatabaseOperationError` and nothing else; one that cannot reach its database
 * rejects soon instead of waiting for ever. Methods may be called at the same time.
 */
export interface Repository {
  /** For logs and errors, for example `sqlite`. */
  readonly name: string
  readonly capabilities: RepositoryCapabilities
  /** Never rejects. */
  healthCheck(): Promise<RepositoryHealth>
  statistics(): Promise<RepositoryStatistics>
  /**
   * Waits for what is under way, then lets go of everything. Idempotent. Whatever is called afterwards rejects with the fault `closed`.
   */
  close(): Promise<void>
}

/**
 * Where candles are kept, by (exchange, symbol, timeframe, openTime). What happens to a candle that is there already is written down
 * once, in `decideCandle`.
 */
export interface MarketDataRepository extends Repository {
  /** All or nothing. A batch may hold the same candle more than once; the later one counts as having come later. */
  saveCandles(candles: readonly OhlcvData[], options?: SaveCandlesOptions): Promise<WriteResult>
  /** Ends with the range; rows written meanwhile may or may not be among them. Breaking off the loop lets go of everything. */
  candles(query: CandleQuery): AsyncIterable<OhlcvData>
  /** The one with the highest `openTime`. */
  latestCandle(series: CandleSeries): Promise<OhlcvData | undefined>
}

/**
 * Where trades are kept, by (exchange, symbol, trade id), and where it can, raw frames, the tape's cursors and its gaps. A trade that is
 * there already is kept as it is: trades do not change.
 */
export interface RawTradeRepository extends Repository {
  /** All or nothing. */
  saveTrades(trades: readonly PointOf<'trade'>[]): Promise<WriteResult>
  trades(query: TradeQuery): AsyncIterable<PointOf<'trade'>>
  /** The last one in the order of `trades`. */
  latestTrade(market: Market): Promise<PointOf<'trade'> | undefined>
  /** Of a repository that stores `frames`. */
  saveFrames?(frames: readonly StoredFrame[]): Promise<WriteResult>
  frames?(query: FrameQuery): AsyncIterable<StoredFrame>
  /** Of a repository that stores `cursors`. `stream` is a key such as `okx trades:BTC-USDT`. */
  cursor?(stream: string): StoredCursor
  /**
   * Of a repository that stores `gaps`: what the tape has declared missing, by (stream, `gapKey`). All or nothing. `filled: true` closes
   * a gap, for good: what comes late for it changes nothing (`decideGap`). Their `trades` are not kept: those come by `saveTrades`.
   */
  saveGaps?(gaps: readonly Gap[]): Promise<WriteResult>
  /** Those of a stream that were not filled, oldest first (`compareGaps`). */
  openGaps?(stream: string): Promise<readonly Gap[]>
}
