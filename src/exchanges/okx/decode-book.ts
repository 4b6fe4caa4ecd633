import { isUnsignedDecimal } from '../../domain/decimal.ts'
import type { Level, OrderBook, PointOf } from '../../domain/market-data.ts'
import { epochMs, fault } from './fields.ts'

/** What OKX sends as `prevSeqId` of a snapshot: there is none. */
const NO_SEQUENCE = -1

/**
 * One book of `bbo-tbt`, `books5` (a snapshot each time) or `books` (a snapshot, then updates), or what is wrong with it.
 * Shape:  { asks: [[price, size, "0", orders], …], bids, ts, seqId?, prevSeqId?, instId?, checksum? }; either side may be empty;
 *         `checksum` is a constant 0 since 2026-06-23 and not read
 * Units:  price in quote currency, size in base currency on spot and in contracts on derivatives, "0" removes the level
 * Source: OKX v5 docs, "Order book channel", read 2026-09; frames before 2023 have no sequence numbers
 */
export function decodeBook(
  row: Readonly<Record<string, unknown>>,
  kind: OrderBook['kind'],
  symbol: string,
  receivedAt: number,
): PointOf<'orderbook'> | string {
  const bids = levelsOf(row.bids, 'bids')
  if (typeof bids === 'string') return bids
  const asks = levelsOf(row.asks, 'asks')
  if (typeof asks === 'string') return asks
  const timestamp = epochMs(row.ts)
  if (timestamp === 0) return fault('ts', row.ts, 'epoch milliseconds')
  const { seqId, prevSeqId } = row
  if (!isSequence(seqId)) return fault('seqId', seqId, 'an integer')
  if (!isSequence(prevSeqId)) return fault('prevSeqId', prevSeqId, 'an integer')
  return bookPoint(symbol, timestamp, receivedAt, kind, bids, asks, seqId, prevSeqId === NO_SEQUENCE ? undefined : prevSeqId)
}

function levelsOf(side: unknown, field: string): readonly Level[] | string {
  if (!Array.isArray(side)) return fault(field, side, 'an array of levels')
  const rows: readonly unknown[] = side
  const levels: Level[] = []
  for (const row of rows) {
    if (!Array.isArray(row)) return fault(`a level of ${field}`, row, 'an array')
    const price: unknown = row[0]
    const size: unknown = row[1]
    if (!isUnsignedDecimal(price)) return fault(`a price of ${field}`, price, 'a plain decimal number')
    if (!isUnsignedDecimal(size)) return fault(`a size of ${field}`, size, 'a plain decimal number')
    levels.push([price, size])
  }
  return levels
}

/** Left out is fine (and stays undefined: read as 0 it would look like a gap); anything but an exact integer is not. */
function isSequence(value: unknown): value is number | undefined {
  return value === undefined || Number.isSafeInteger(value)
}

/** The one place that makes book points, so that all have one hidden class. */
export function bookPoint(
  symbol: string,
  timestamp: number,
  receivedAt: number,
  kind: OrderBook['kind'],
  bids: readonly Level[],
  asks: readonly Level[],
  sequence: number | undefined,
  previousSequence: number | undefined,
): PointOf<'orderbook'> {
  const data = { kind, bids, asks, sequence, previousSequence }
  return { exchange: 'okx', symbol, dataType: 'orderbook', timestamp, receivedAt, data }
}
