import type { BulkColumns } from './bulk-rows.ts'

/** In the order of `tradeValues`. */
export const TRADES: BulkColumns = [
  ['exchange', 'text'],
  ['symbol', 'text'],
  ['trade_id', 'text'],
  ['id_length', 'bigint'],
  ['timestamp', 'timestamptz'],
  ['received_at', 'timestamptz'],
  ['price', 'numeric'],
  ['size', 'numeric'],
  ['side', 'text'],
  ['count', 'bigint'],
  ['backfilled', 'boolean'],
]

/** In the order of `frameValues`, and the bytes of a text that PostgreSQL cannot store as one. */
export const RAW_FRAMES: BulkColumns = [
  ['exchange', 'text'],
  ['symbol', 'text'],
  ['frame_id', 'text'],
  ['id_length', 'bigint'],
  ['data_type', 'text'],
  ['topic', 'text'],
  ['received_at', 'timestamptz'],
  ['text', 'text'],
  ['text_bytes', 'bytea'],
]

/** A gap's key within `TAPE_GAPS`, which begins with it. */
export const TAPE_GAPS_KEY: BulkColumns = [
  ['stream', 'text'],
  ['gap_key', 'text'],
]

/** In the order of `gapValues`. */
export const TAPE_GAPS: BulkColumns = [
  ...TAPE_GAPS_KEY,
  ['exchange', 'text'],
  ['symbol', 'text'],
  ['from_id', 'text'],
  ['to_id', 'text'],
  ['from_time', 'timestamptz'],
  ['to_time', 'timestamptz'],
  ['missing', 'bigint'],
  ['reason', 'text'],
  ['announced_at', 'timestamptz'],
  ['filled_at', 'timestamptz'],
]

/** A candle's key within `MARKET_DATA`, which begins with it. */
export const MARKET_DATA_KEY: BulkColumns = [
  ['exchange', 'text'],
  ['symbol', 'text'],
  ['timeframe', 'text'],
  ['open_time', 'timestamptz'],
]

/** In the order of `candleValues`. */
export const MARKET_DATA: BulkColumns = [
  ...MARKET_DATA_KEY,
  ['close_time', 'timestamptz'],
  ['open', 'numeric'],
  ['high', 'numeric'],
  ['low', 'numeric'],
  ['close', 'numeric'],
  ['volume', 'numeric'],
  ['quote_volume', 'numeric'],
  ['taker_buy_volume', 'numeric'],
  ['trades_count', 'bigint'],
  ['status', 'text'],
  ['complete', 'boolean'],
  ['incomplete_reason', 'text'],
  ['source', 'text'],
]
