/**
 * The tables of the SQL adapters, the same in every dialect. Times are epoch milliseconds, decimals are text to us; `id_length` puts
 * ids in order. Of a frame it is the number of characters; of a trade too, when its id is a number, and else a million, which puts text
 * behind numbers.
 */
export interface Tables {
  market_data: CandleRow
  trades: TradeRow
  raw_frames: FrameRow
  tape_cursors: CursorRow
  tape_gaps: GapRow
}

/** One dialect gives flags as booleans, another as 0 and 1. */
type Flag = boolean | number

export interface CandleRow {
  exchange: string
  symbol: string
  timeframe: string
  open_time: number
  close_time: number
  open: string
  high: string
  low: string
  close: string
  volume: string
  quote_volume: string | null
  taker_buy_volume: string | null
  trades_count: number | null
  status: string
  complete: Flag
  incomplete_reason: string | null
  source: string
}

export interface TradeRow {
  exchange: string
  symbol: string
  trade_id: string
  id_length: number
  timestamp: number
  received_at: number
  price: string
  size: string
  side: string
  count: number | null
  backfilled: Flag
}

export interface FrameRow {
  exchange: string
  symbol: string
  frame_id: string
  id_length: number
  data_type: string
  topic: string
  received_at: number
  /** Bytes in a dialect whose text cannot hold every character: UTF-8. */
  text: string | Uint8Array
}

interface CursorRow {
  stream: string
  trade_id: string
  timestamp: number
  state: string | null
}

export interface GapRow {
  stream: string
  /** `gapKey`. */
  gap_key: string
  exchange: string
  symbol: string
  from_id: string | null
  to_id: string | null
  from_time: number | null
  to_time: number | null
  missing: number | null
  reason: string
  announced_at: number
  /** When it was found; null while it is open. */
  filled_at: number | null
}

type Columns<Row> = readonly (keyof Row & string)[]

/** In the order of `tradeValues`. */
export const TRADE_COLUMNS = [
  'exchange',
  'symbol',
  'trade_id',
  'id_length',
  'timestamp',
  'received_at',
  'price',
  'size',
  'side',
  'count',
  'backfilled',
] as const satisfies Columns<TradeRow>

/** In the order of `candleValues`: first the key, then the rest. */
export const CANDLE_COLUMNS = [
  'exchange',
  'symbol',
  'timeframe',
  'open_time',
  'close_time',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'quote_volume',
  'taker_buy_volume',
  'trades_count',
  'status',
  'complete',
  'incomplete_reason',
  'source',
] as const satisfies Columns<CandleRow>

/** A candle's key within `CANDLE_COLUMNS`. */
export const CANDLE_KEY = ['exchange', 'symbol', 'timeframe', 'open_time'] as const satisfies Columns<CandleRow>

/** In the order of `gapValues`: first the key. */
export const GAP_COLUMNS = [
  'stream',
  'gap_key',
  'exchange',
  'symbol',
  'from_id',
  'to_id',
  'from_time',
  'to_time',
  'missing',
  'reason',
  'announced_at',
  'filled_at',
] as const satisfies Columns<GapRow>

/** A gap's key within `GAP_COLUMNS`. */
export const GAP_KEY = ['stream', 'gap_key'] as const satisfies Columns<GapRow>

/** In the order of `frameValues`. */
export const FRAME_COLUMNS = [
  'exchange',
  'symbol',
  'frame_id',
  'id_length',
  'data_type',
  'topic',
  'received_at',
  'text',
] as const satisfies Columns<FrameRow>
