import { z } from 'zod'
import { isUnsignedDecimal, type DecimalString } from '../domain/decimal.ts'
import type { OhlcvData } from '../domain/market-data.ts'
import { TIMEFRAMES } from '../domain/timeframe.ts'
import { isPlausibleTime, timeFlaw } from '../domain/timestamp.ts'
import { aggregatorSnapshot, type AggregatorSnapshot } from './aggregator-snapshot.ts'
import type { SizeTerms } from './quote-rule.ts'
import type { TradeInput } from './trade-row.ts'

const isFunction = (value: unknown): boolean => typeof value === 'function'
const epochTime = z.number().refine(isPlausibleTime, { error: ({ input }) => timeFlaw(input) })
const milliseconds = z.number().nonnegative()

const sizeTerms: z.ZodType<SizeTerms, SizeTerms> = z.object({
  sizeUnit: z.enum(['base', 'contract']),
  base: z.string().optional(),
  quote: z.string().optional(),
  contractSize: z.custom<DecimalString>(isUnsignedDecimal, 'must be an unsigned decimal, as text').optional(),
  contractAsset: z.string().optional(),
  contractType: z.enum(['linear', 'inverse']).optional(),
})

const common = {
  /** Written into the candles. */
  exchange: z.string().min(1),
  symbol: z.string().min(1),
  /**
   * What the sizes count: `collector.instrument`, or the same by hand. Needed for the `quoteVolume` of derivatives, whose sizes may be
   * contracts; without it that is undefined where the symbol is one of a derivative (`…-PERP`, `…-YYYYMMDD`).
   */
  instrument: sizeTerms.optional(),
  /** Any of the eleven, in any order. */
  timeframes: z.array(z.enum(TIMEFRAMES)).min(1).readonly(),
  /** Empty candles (the previous close, no volume) where nothing was traded: one candle per bucket, always. */
  completeSeries: z.boolean().default(false),
  /** Complete series: the price before the first trade, so that the series can begin without one. */
  previousClose: z.custom<DecimalString>(isUnsignedDecimal, 'must be an unsigned decimal, as text').optional(),
  /** A candle closes this long after its end. Trades that are later revise it. Milliseconds. */
  allowedLatenessMs: milliseconds.default(0),
  /** So long after that a closed candle can be revised; later trades are counted as too late. Milliseconds. */
  reviseWithinMs: milliseconds.default(3_600_000),
  /** Least time between two `open` candles of a timeframe; none are made when undefined. Milliseconds. */
  updateIntervalMs: milliseconds.optional(),
  /**
   * Trades before this were not heard: candles that open before it are `complete: false`, reason `before-start`. With `previousClose`
   * the complete series begins here. Epoch milliseconds.
   */
  since: epochTime.optional(),
  /** False for trades that are known to be unique, or whose ids are not (those of several exchanges): then nothing is looked up. */
  dropDuplicates: z.boolean().default(true),
  /** Is told of each trade that was too late for any revision. */
  onTooLate: z.custom<(trade: TradeInput) => void>(isFunction, 'must be a function').optional(),
}

export const aggregateOptions = z.strictObject(common)

export const aggregatorOptions = z.strictObject({
  ...common,
  /** Receives every candle, synchronously, in order of their end. What it throws goes to whoever called the aggregator. */
  onCandle: z.custom<(candle: OhlcvData) => void>(isFunction, 'must be a function'),
  /** State to go on from, made by `snapshot()` with the same exchange, symbol, timeframes and `completeSeries`. */
  snapshot: aggregatorSnapshot.optional(),
})

/** What {@link aggregateTrades} takes beside the trades. */
export type AggregateTradesOptions = z.input<typeof aggregateOptions>

/** What a {@link CandleAggregator} takes. */
export type CandleAggregatorOptions = Omit<z.input<typeof aggregatorOptions>, 'snapshot'> & {
  readonly snapshot?: AggregatorSnapshot | undefined
}
