import { compareDecimals } from '../../domain/compare-decimals.ts'
import { isUnsignedDecimal, isZero } from '../../domain/decimal.ts'
import type { Level, OrderBook, PointOf } from '../../domain/market-data.ts'
import { epochMs, fault, integerOf, isBlank, timeFault } from './fields.ts'

/** What OKX sends as `prevSeqId` of a snapshot: there is none. */
const NO_SEQUENCE = -1

/**
 * One book of `bbo-tbt`, `books5` (a snapshot each time) or `books` (a snapshot, then updates), or what is wrong with it.
 * Shape:  { asks: [[price, size, "0", orders], …], bids, ts, seqId?, prevSeqId?, instId?, checksum? }; either side may be empty;
 *         `checksum` is a constant 0 since 2026-06-23 and not read
 * Units:  price in quote currency, above 0; size in base currency on spot and in contracts on derivatives; "0" in an update removes
 *         the level, and in a snapshot it is no level at all
 * Source: OKX v5 docs, "Order book channel", read 2026-09; frames before 2023 have no sequence numbers
 *
 * `isChained`: its numbers are needed, for the updates have to follow each other. Elsewhere one that cannot be read costs nothing.
 */
export function decodeBook(
  row: Readonly<Record<string, unknown>>,
  kind: OrderBook['kind'],
  isChained: boolean,
  symbol: string,
  receivedAt: number,
): PointOf<'orderbook'> | string {
  const bids = levelsOf(row.bids, 'bids')
  if (typeof bids === 'string') return bids
  const asks = levelsOf(row.asks, 'asks')
  if (typeof asks === 'string') return asks
  const timestamp = epochMs(row.ts)
  if (timestamp === 0) return timeFault('ts', row.ts)
  const sequence = sequenceOf(row.seqId)
  if (isChained && sequence === null) return fault('seqId', row.seqId, 'a whole number')
  const previous = sequenceOf(row.prevSeqId)
  if (isChained && kind === 'update' && previous === null) return fault('prevSeqId', row.prevSeqId, 'a whole number')
  const own = sequence ?? undefined
  if (kind === 'update') return bookPoint(symbol, timestamp, receivedAt, kind, bids, asks, own, previous ?? undefined)
  return bookPoint(symbol, timestamp, receivedAt, kind, bestFirst(bids, -1), bestFirst(asks, 1), own, undefined)
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
    if (isZero(price) && !isZero(size)) return fault(`a price of ${field}`, price, 'a number above 0')
    levels.push([price, size])
  }
  return levels
}

/**
 * A sequence number, as OKX's number or as text; undefined when there is none (left out, blank, or -1, and never 0, which would look like
 * a gap), null when there is something that is none.
 */
function sequenceOf(value: unknown): number | undefined | null {
  if (isBlank(value) || value === NO_SEQUENCE || value === String(NO_SEQUENCE)) return undefined
  const number = typeof value === 'string' ? integerOf(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : null
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

/** A side of a snapshot as consumers may expect it: best price first, each price once, and no level without size. It nearly always is. */
function bestFirst(levels: readonly Level[], direction: 1 | -1): readonly Level[] {
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i] as Level
    if (isZero(level[1]) || (i > 0 && inOrder(levels[i - 1] as Level, level, direction) >= 0)) return mended(levels, direction)
  }
  return levels
}

const inOrder = (a: Level, b: Level, direction: 1 | -1): number => direction * compareDecimals(a[0], b[0])

/** Of a price written twice the later one counts, as it would in a book. */
function mended(levels: readonly Level[], direction: 1 | -1): readonly Level[] {
  const sorted = levels.toSorted((a, b) => inOrder(a, b, direction))
  return sorted.filter((level, i) => {
    const next = sorted[i + 1]
    return !isZero(level[1]) && (next === undefined || inOrder(level, next, direction) !== 0)
  })
}
