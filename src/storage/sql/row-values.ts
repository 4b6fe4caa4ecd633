import { Decimal, isDecimal } from '../../domain/decimal.ts'
import type { Gap } from '../../domain/gap.ts'
import { gapKey } from '../../domain/stored-gaps.ts'
import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import type { StoredFrame } from '../repository.ts'

/** What a driver takes. Flags are 0 and 1, which every dialect understands. */
export type SqlValue = string | number | null

// A database without strict types would store nearly anything, and give it back as something else: what a row must be is checked here.
// A RangeError says that it is the row's fault.

/** In the order of `TRADE_COLUMNS`. @throws RangeError for a trade that can never be stored. */
export function tradeValues({ exchange, symbol, timestamp, receivedAt, data }: PointOf<'trade'>): SqlValue[] {
  const id = text(data.id, 'id')
  return [
    text(exchange, 'exchange'),
    text(symbol, 'symbol'),
    id,
    rankOf(id),
    finite(timestamp, 'timestamp'),
    finite(receivedAt, 'receivedAt'),
    digits(data.price, 'price'),
    digits(data.size, 'size'),
    text(data.side, 'side'),
    data.count === undefined ? null : finite(data.count, 'count'),
    data.backfilled ? 1 : 0,
  ]
}

/** In the order of `CANDLE_COLUMNS`. @throws RangeError for a candle that can never be stored. */
export function candleValues(candle: OhlcvData): SqlValue[] {
  const { quoteVolume, takerBuyVolume, tradesCount, incompleteReason } = candle
  return [
    ...candleKey(candle),
    finite(candle.closeTime, 'closeTime'),
    exact(candle.open, 'open'),
    exact(candle.high, 'high'),
    exact(candle.low, 'low'),
    exact(candle.close, 'close'),
    exact(candle.volume, 'volume'),
    quoteVolume === undefined ? null : exact(quoteVolume, 'quoteVolume'),
    takerBuyVolume === undefined ? null : exact(takerBuyVolume, 'takerBuyVolume'),
    tradesCount === undefined ? null : finite(tradesCount, 'tradesCount'),
    text(candle.status, 'status'),
    candle.complete ? 1 : 0,
    incompleteReason === undefined ? null : text(incompleteReason, 'incompleteReason'),
    text(candle.source, 'source'),
  ]
}

/** In the order of `CANDLE_KEY`. @throws RangeError for a candle that can never be stored. */
export const candleKey = ({ exchange, symbol, timeframe, openTime }: OhlcvData): SqlValue[] => [
  text(exchange, 'exchange'),
  text(symbol, 'symbol'),
  text(timeframe, 'timeframe'),
  finite(openTime, 'openTime'),
]

/** In the order of `FRAME_COLUMNS`. @throws RangeError for a frame that can never be stored. */
export function frameValues(frame: StoredFrame): SqlValue[] {
  const id = text(frame.id, 'id')
  return [
    text(frame.exchange, 'exchange'),
    text(frame.symbol, 'symbol'),
    id,
    id.length,
    text(frame.dataType, 'dataType'),
    text(frame.topic, 'topic'),
    finite(frame.receivedAt, 'receivedAt'),
    text(frame.text, 'text'),
  ]
}

/** In the order of `GAP_COLUMNS`. @throws RangeError for a gap that can never be stored. */
export function gapValues(gap: Gap): SqlValue[] {
  const { exchange, symbol, fromId, toId, fromTime, toTime, missing, reason, filled, at } = gap
  return [
    ...gapKeyValues(gap),
    text(exchange, 'exchange'),
    text(symbol, 'symbol'),
    fromId === undefined ? null : text(fromId, 'fromId'),
    toId === undefined ? null : text(toId, 'toId'),
    fromTime === undefined ? null : finite(fromTime, 'fromTime'),
    toTime === undefined ? null : finite(toTime, 'toTime'),
    // More than can be counted exactly follows from the ids.
    Number.isSafeInteger(missing) ? (missing ?? null) : null,
    text(reason, 'reason'),
    finite(at, 'at'),
    filled ? at : null,
  ]
}

/** In the order of `GAP_KEY`. @throws RangeError for a gap that can never be stored. */
export const gapKeyValues = (gap: Gap): SqlValue[] => [text(gap.stream, 'stream'), gapKey(gap)]

/** Behind every number that is an id. */
const RANK_OF_TEXT = 1_000_000

/** With it as the first key and the text of the id as the second one, a database puts ids into the order of `compareTradeIds`. */
const rankOf = (id: string): number => (/^(0|[1-9]\d*)$/.test(id) ? id.length : RANK_OF_TEXT)

export function text(value: unknown, field: string): string {
  if (typeof value === 'string') return value
  throw new RangeError(`${field} is not a text: ${show(value)}`)
}

export function finite(value: unknown, field: string): number {
  if (Number.isFinite(value)) return value as number
  throw new RangeError(`${field} is not a finite number: ${show(value)}`)
}

function digits(value: unknown, field: string): string {
  if (isDecimal(value)) return value
  throw new RangeError(`${field} is not a plain decimal number: ${show(value)}`)
}

function exact(value: unknown, field: string): string {
  if (Decimal.isDecimal(value) && value.isFinite()) return value.toFixed()
  throw new RangeError(`${field} is not a finite Decimal: ${show(value)}`)
}

const show = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value).slice(0, 80) : typeof value)
