import { z } from 'zod'
import { TIMEFRAMES } from '../domain/timeframe.ts'

const time = z.number()
/** Null stands for what does not exist, or is infinite. */
const maybeTime = time.nullable()
/** Digits and scale, `12345e-2`: exact, and at the scale it had. */
const exact = z.string().regex(/^\d+e-\d+$/)
const key = z.tuple([time, z.string()])

const bar = z.object({
  openTime: time,
  isClosed: z.boolean(),
  count: z.number().int().positive(),
  scales: z.tuple([z.number().int(), z.number().int()]),
  /** Open, high, low, close. */
  prices: z.tuple([exact, exact, exact, exact]),
  first: key,
  last: key,
  volume: exact,
  buyVolume: exact,
  quoteVolume: exact,
})

const level = z.object({
  timeframe: z.enum(TIMEFRAMES),
  closedTo: maybeTime,
  seriesStart: maybeTime,
  seriesNext: maybeTime,
  /** The close of the last bar that is kept no longer, as text. */
  droppedClose: z.string().nullable(),
  bars: z.array(bar).readonly(),
})

/** One that is too large for a number is text. */
const id = z.union([z.number(), z.string().regex(/^\d{16,100}$/)])
const generation = z.object({
  ranges: z.array(z.tuple([id, id])).readonly(),
  ids: z.array(z.string()).readonly(),
})

export const aggregatorSnapshot = z.object({
  version: z.literal(1),
  exchange: z.string(),
  symbol: z.string(),
  completeSeries: z.boolean(),
  now: maybeTime,
  /** Ends of buckets up to here have passed. */
  closedTo: maybeTime,
  /** Trades before this are too late. */
  horizon: maybeTime,
  latest: maybeTime,
  scales: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
  levels: z.array(level).readonly(),
  seen: z.object({ since: maybeTime, young: generation, old: generation }),
  truth: z.object({
    gaps: z.array(z.object({ from: maybeTime, to: maybeTime, fromId: z.string().nullable(), reason: z.string() })).readonly(),
    tooLate: maybeTime,
    doubt: z.object({ from: maybeTime, closedTo: maybeTime, reason: z.string() }).nullable(),
  }),
})

/** The state of a {@link CandleAggregator} as plain JSON. What is in it is the aggregator's own business. */
export type AggregatorSnapshot = z.output<typeof aggregatorSnapshot>
export type BarSnapshot = z.output<typeof bar>
