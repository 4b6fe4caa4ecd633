import type { PointOf } from './market-data.ts'

/**
 * Why trades are missing.
 *
 * - `rest-failed`: the exchange's REST could not be asked in time
 * - `rest-short`: REST answered, but without these trades
 * - `rest-wrong`: REST's answer contradicted itself
 * - `buffer-full`: more trades arrived during the repair than may be held back
 * - `too-old`: longer ago than `maxBackfillMs`, by the exchange's time
 * - `ids-restarted`: the exchange began to count anew, or nobody could tell whether it did; what lies between cannot be known
 * - `unprovable`: a trade whose id is no whole number; or this exchange's ids prove nothing, and the time in question could not be read again
 * - `cursor-late`: the stored cursor could not be read when the tape began; this lies between it and the beginning
 * - `consumer-too-slow`: a stream's consumer fell behind its bound; everybody else got them
 * - `not-stored`: a repository was away for longer than its rows could wait, or refused them; everybody else got them
 * - `stopped`: the collector was stopped before the repair was done
 */
export const GAP_REASONS = [
  'rest-failed',
  'rest-short',
  'rest-wrong',
  'buffer-full',
  'too-old',
  'ids-restarted',
  'unprovable',
  'cursor-late',
  'consumer-too-slow',
  'not-stored',
  'stopped',
] as const
export type GapReason = (typeof GAP_REASONS)[number]

/** One consumer lacks these trades, and not the tape. */
const OF_CONSUMERS: readonly string[] = ['consumer-too-slow', 'not-stored'] satisfies GapReason[]
export const isOfTape = ({ reason }: { readonly reason: string }): boolean => !OF_CONSUMERS.includes(reason)

/**
 * Trades that were not delivered, exactly. Emitted in the tape's order: after the trade before it, before the trade behind it.
 * When they are found later, the same range is emitted again with `filled: true` and the `trades`; these are not
 * delivered to callbacks and streams, whose order they would break.
 */
export interface Gap {
  readonly exchange: string
  readonly symbol: string
  /** For example `okx trades:BTC-USDT`. */
  readonly stream: string
  /** First and last missing id; undefined where ids prove nothing. */
  readonly fromId: string | undefined
  readonly toId: string | undefined
  /** Exchange times of the trades around it, epoch milliseconds; undefined when there is none on that side. */
  readonly fromTime: number | undefined
  readonly toTime: number | undefined
  /** How many fills; undefined where that cannot be known. */
  readonly missing: number | undefined
  readonly reason: GapReason
  /** True when this announces that an earlier gap has been filled. */
  readonly filled: boolean
  /** What was found, in order; only when `filled`. */
  readonly trades: readonly PointOf<'trade'>[] | undefined
  /** When it was announced, epoch milliseconds. */
  readonly at: number
}
