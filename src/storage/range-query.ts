import { z } from 'zod'
import type { PointOf } from '../domain/market-data.ts'
import { compareTradeIds } from '../domain/trade-id.ts'
import { CANDLE_TIMEFRAMES } from '../domain/timeframe.ts'
import { parseConfig } from '../errors/config-problems.ts'
import {
  SORT_ORDERS,
  type CandleQuery,
  type FrameQuery,
  type SortOrder,
  type StoredFrame,
  type TradeQuery,
} from './repository.ts'

const bound = z.custom<number>((value) => Number.isFinite(value), 'must be epoch milliseconds, a finite number').optional()
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0

const rangeQuery = z.strictObject({
  exchange: z.string(),
  symbol: z.string(),
  timeframe: z.enum(CANDLE_TIMEFRAMES).optional(),
  topic: z.string().optional(),
  from: bound,
  to: bound,
  order: z.enum(SORT_ORDERS).default('asc'),
  limit: z.custom<number>(isCount, 'must be a whole number, 1 or more').optional(),
})

/** A range that has been looked at: what is undefined is no bound. */
export interface CheckedRange {
  /** Inclusive. */
  readonly from: number | undefined
  /** Exclusive. */
  readonly to: number | undefined
  readonly order: SortOrder
  readonly limit: number | undefined
}

/**
 * What every repository does first when a query is iterated, so that a mistake in it is told in the same words everywhere.
 *
 * @throws TapekeeperError `CONFIG_INVALID` that names each wrong key and what is allowed.
 * @example
 * ```ts
 * import { checkRange, type TradeQuery } from 'tapekeeper'
 * function ends(query: TradeQuery) {
 *   const { from = -Infinity, to = Infinity, order } = checkRange(query)
 *   return order === 'asc' ? [from, to] : [to, from]
 * }
 * ```
 */
export function checkRange(query: CandleQuery | TradeQuery | FrameQuery): CheckedRange {
  const { from, to, order, limit } = parseConfig(rangeQuery, query, 'query')
  return { from, to, order, limit }
}

/** Shorter ids first, then by code unit. */
function compareFrameIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * The order of stored trades: by time, those of one timestamp by id: ids that are numbers by their value, of any size, then all others (UUIDs,
 * ids with a leading zero) as text. For `Array.sort`.
 *
 * @example
 * ```ts
 * import { compareTrades, type PointOf } from 'tapekeeper'
 * const inOrder = (trades: readonly PointOf<'trade'>[]) => [...trades].sort(compareTrades)
 * ```
 */
export const compareTrades = (a: PointOf<'trade'>, b: PointOf<'trade'>): number =>
  a.timestamp - b.timestamp || compareTradeIds(a.data.id, b.data.id)

/** The order of stored frames: by the time of receipt, those of one moment by id, where `9` comes before `10`. For `Array.sort`. */
export const compareFrames = (a: StoredFrame, b: StoredFrame): number =>
  a.receivedAt - b.receivedAt || compareFrameIds(a.id, b.id)
