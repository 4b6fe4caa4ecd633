import { z } from 'zod'
import { DATA_TYPES } from './data-type.ts'
import { Decimal, isDecimal, type DecimalString } from './decimal.ts'
import { GAP_REASONS, type Gap } from './gap.ts'
import type { MarketDataPoint, OhlcvData, PointOf } from './market-data.ts'
import { CANDLE_TIMEFRAMES, type CandleTimeframe } from './timeframe.ts'

/** Plain data for `JSON.stringify`: decimals are text, and what is undefined is left out. */
export type JsonObject = Readonly<Record<string, unknown>>

/** Foreign data that is not what it should be. The message names each field that is wrong, and quotes no value. */
export class JsonShapeError extends Error {
  constructor(what: string, issues: readonly z.core.$ZodIssue[]) {
    const problems = issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    super(`not a ${what}: ${problems.join('; ')}`)
    this.name = 'JsonShapeError'
  }
}

const digits = z.custom<DecimalString>(isDecimal, 'not a plain decimal number')
/** Typed so that the field itself stays: undefined, not optional. */
const maybe = <T>(schema: z.ZodType<T>): z.ZodType<T | undefined> => schema.optional()
const maybeDigits = maybe(digits)

/** Sums may be longer than anything that an exchange may send. */
const exact = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/, 'not a plain decimal number')
  .transform((text) => new Decimal(text))
const maybeExact = maybe(exact)
const maybeText = maybe(z.string())
const maybeNumber = maybe(z.number())

const trade = z.object({
  id: z.string(),
  price: digits,
  size: digits,
  side: z.enum(['buy', 'sell']),
  count: z.number().optional(),
  backfilled: z.boolean(),
})

const ticker = z.object({
  last: maybeDigits,
  bid: maybeDigits,
  bidSize: maybeDigits,
  ask: maybeDigits,
  askSize: maybeDigits,
  open24h: maybeDigits,
  high24h: maybeDigits,
  low24h: maybeDigits,
  volume24h: maybeDigits,
  quoteVolume24h: maybeDigits,
})

const levels = z.array(z.tuple([digits, digits]))
const orderbook = z.object({
  kind: z.enum(['snapshot', 'update']),
  bids: levels,
  asks: levels,
  sequence: maybeNumber,
  previousSequence: maybeNumber,
})

const candle = z.object({
  exchange: z.string(),
  symbol: z.string(),
  timeframe: z.enum(CANDLE_TIMEFRAMES as readonly [CandleTimeframe, ...CandleTimeframe[]]),
  openTime: z.number(),
  closeTime: z.number(),
  open: exact,
  high: exact,
  low: exact,
  close: exact,
  volume: exact,
  quoteVolume: maybeExact,
  takerBuyVolume: maybeExact,
  tradesCount: maybeNumber,
  status: z.enum(['open', 'closed', 'revised']),
  complete: z.boolean(),
  incompleteReason: maybeText,
  source: z.enum(['trades', 'exchange']),
})

const balance = z.object({ asset: z.string(), free: maybeDigits, locked: maybeDigits, total: maybeDigits })

const PAYLOADS = { ticker, trade, orderbook, candle, balance } as const

const pointOf = <T extends keyof typeof PAYLOADS>(dataType: T) =>
  z.object({
    exchange: z.string(),
    symbol: z.string(),
    dataType: z.literal(dataType),
    timestamp: z.number(),
    receivedAt: z.number(),
    data: PAYLOADS[dataType],
  })

const tradePoint = pointOf('trade')
const point = z.discriminatedUnion(
  'dataType',
  [pointOf('ticker'), tradePoint, pointOf('orderbook'), pointOf('candle'), pointOf('balance')],
  { error: `none of ${DATA_TYPES.join(', ')}` },
)

const gap = z.object({
  exchange: z.string(),
  symbol: z.string(),
  stream: z.string(),
  fromId: maybeText,
  toId: maybeText,
  fromTime: maybeNumber,
  toTime: maybeNumber,
  missing: maybeNumber,
  reason: z.enum(GAP_REASONS),
  filled: z.boolean(),
  trades: maybe(z.array(tradePoint)),
  at: z.number(),
})

/** A point as plain data; `pointFromJson` makes it a point again, digit by digit. */
export function pointToJson(point: MarketDataPoint): JsonObject {
  const { exchange, symbol, dataType, timestamp, receivedAt } = point
  const data = dataType === 'candle' ? candleToJson(point.data) : defined(point.data)
  return { exchange, symbol, dataType, timestamp, receivedAt, data }
}

/** @throws JsonShapeError when it is no point. */
export const pointFromJson = (value: unknown): MarketDataPoint => read('point', point, value)

/** @throws JsonShapeError when it is no trade. */
export const tradeFromJson = (value: unknown): PointOf<'trade'> => read('trade', tradePoint, value)

export function candleToJson(candle: OhlcvData): JsonObject {
  const { open, high, low, close, volume, quoteVolume, takerBuyVolume } = candle
  return defined({
    ...candle,
    open: open.toFixed(),
    high: high.toFixed(),
    low: low.toFixed(),
    close: close.toFixed(),
    volume: volume.toFixed(),
    quoteVolume: quoteVolume?.toFixed(),
    takerBuyVolume: takerBuyVolume?.toFixed(),
  })
}

/** @throws JsonShapeError when it is no candle. */
export const candleFromJson = (value: unknown): OhlcvData => read('candle', candle, value)

export function gapToJson(gap: Gap): JsonObject {
  return defined({ ...gap, trades: gap.trades?.map(pointToJson) })
}

/** @throws JsonShapeError when it is no gap. */
export const gapFromJson = (value: unknown): Gap => read('gap', gap, value)

const defined = (object: object): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))

function read<S extends z.ZodType>(what: string, schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value)
  if (!result.success) throw new JsonShapeError(what, result.error.issues)
  return result.data
}
