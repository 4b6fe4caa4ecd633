import type { DataType } from '../../domain/data-type.ts'
import { Decimal, type DecimalString } from '../../domain/decimal.ts'
import type { Gap, GapReason } from '../../domain/gap.ts'
import type { OhlcvData, PointOf, Side } from '../../domain/market-data.ts'
import type { CandleTimeframe } from '../../domain/timeframe.ts'
import type { StoredFrame } from '../repository.ts'
import type { CandleRow, FrameRow, GapRow, TradeRow } from './tables.ts'

// What stands in our tables was checked when it was written: the casts give it back its names.

export const tradeOf = (row: TradeRow): PointOf<'trade'> => ({
  exchange: row.exchange,
  symbol: row.symbol,
  dataType: 'trade',
  timestamp: row.timestamp,
  receivedAt: row.received_at,
  data: {
    id: row.trade_id,
    price: row.price as DecimalString,
    size: row.size as DecimalString,
    side: row.side as Side,
    count: row.count ?? undefined,
    backfilled: Boolean(row.backfilled),
  },
})

export const candleOf = (row: CandleRow): OhlcvData => ({
  exchange: row.exchange,
  symbol: row.symbol,
  timeframe: row.timeframe as CandleTimeframe,
  openTime: row.open_time,
  closeTime: row.close_time,
  open: new Decimal(row.open),
  high: new Decimal(row.high),
  low: new Decimal(row.low),
  close: new Decimal(row.close),
  volume: new Decimal(row.volume),
  quoteVolume: row.quote_volume === null ? undefined : new Decimal(row.quote_volume),
  takerBuyVolume: row.taker_buy_volume === null ? undefined : new Decimal(row.taker_buy_volume),
  tradesCount: row.trades_count ?? undefined,
  status: row.status as OhlcvData['status'],
  complete: Boolean(row.complete),
  incompleteReason: row.incomplete_reason ?? undefined,
  source: row.source as OhlcvData['source'],
})

export const frameOf = (row: FrameRow): StoredFrame => ({
  exchange: row.exchange,
  symbol: row.symbol,
  id: row.frame_id,
  dataType: row.data_type as DataType,
  topic: row.topic,
  receivedAt: row.received_at,
  text: typeof row.text === 'string' ? row.text : utf8.decode(row.text),
})

export const gapOf = (row: GapRow): Gap => ({
  exchange: row.exchange,
  symbol: row.symbol,
  stream: row.stream,
  fromId: row.from_id ?? undefined,
  toId: row.to_id ?? undefined,
  fromTime: row.from_time ?? undefined,
  toTime: row.to_time ?? undefined,
  missing: row.missing ?? undefined,
  reason: row.reason as GapReason,
  filled: row.filled_at !== null,
  trades: undefined,
  at: row.announced_at,
})

/** A byte order mark is a character of the frame like any other. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
