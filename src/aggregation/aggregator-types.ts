import type { PointOf } from '../domain/market-data.ts'

/** Trades that are missing, or were found: a collector's `Gap` fits. Times are those of the trades around it, epoch milliseconds. */
export interface CandleGap {
  /** Undefined: since the beginning. */
  readonly fromTime: number | undefined
  /** Undefined: up to now. */
  readonly toTime: number | undefined
  readonly reason: string
  /** True when an earlier gap of the same times (and `fromId`) has been filled. */
  readonly filled: boolean
  /** First missing id, where ids tell. */
  readonly fromId?: string | undefined
  /** What was found; only when `filled`. Those that are known already change nothing. */
  readonly trades?: readonly PointOf<'trade'>[] | undefined
}

/** Rows of trades, not fills. */
export interface AggregatorStatistics {
  /** Taken into candles. */
  readonly trades: number
  /** Seen before; changed nothing. */
  readonly duplicates: number
  /** Merged rows of which only a part was new. They cannot be taken apart: their candles are `complete: false`, reason `overlap`. */
  readonly overlapping: number
  /** Came after their candle had closed, and revised it. */
  readonly late: number
  /** Came after the revision window. */
  readonly tooLate: number
}
